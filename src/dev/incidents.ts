// The incidents of the made-up shop. Their text carries personal data and secrets, as people paste them in a hurry.
import { isoTime } from '../base/clock.ts';
import { hex } from './seeded.ts';
import type { World } from './world.ts';

const HOUR_MS = 60 * 60_000;

export interface Incident {
  readonly id: string;
  readonly title: string;
  readonly severity: 'SEV-1' | 'SEV-2' | 'SEV-3';
  readonly state: 'active' | 'stable' | 'resolved';
  readonly created: string;
  readonly services: readonly string[];
  readonly commander: { readonly name: string; readonly email: string; readonly phone: string };
  readonly customerImpact: string;
  readonly affectedCustomers: readonly { readonly email: string; readonly cardNumber: string; readonly iban: string; readonly lastIp: string }[];
  readonly timeline: readonly { readonly at: string; readonly author: string; readonly message: string }[];
  readonly attributes: { readonly pagerKey: string; readonly database: { readonly host: string; readonly user: string; readonly password: string } };
}

/** Newest first. Times hang on the world's clock, rounded down to the hour. */
export function incidentsOf(world: World): Incident[] {
  const now = Math.floor(world.clock.wallMs() / HOUR_MS) * HOUR_MS;
  const { email, card, secrets, ip, phone, iban, password } = world.sensitive;
  const of = (list: readonly string[], i: number) => list[i % list.length] ?? '';
  const incident = (n: number, hoursAgo: number, head: Pick<Incident, 'title' | 'severity' | 'state' | 'services' | 'customerImpact'>): Incident => {
    const at = (minutes: number) => isoTime(now - hoursAgo * HOUR_MS + minutes * 60_000);
    return {
      id: `IR-${4100 + n}`,
      ...head,
      created: at(0),
      commander: { name: 'Maya Okafor', email: 'maya.okafor@harborshop.example', phone: of(phone, n) },
      affectedCustomers: [0, 1].map((k) => ({ email: of(email, n + k), cardNumber: of(card, n + k), iban: of(iban, n + k), lastIp: of(ip, n + k) })),
      timeline: [
        { at: at(1), author: 'monitor', message: `Alert: ${head.title}` },
        { at: at(6), author: 'Maya Okafor', message: `Customer ${of(email, n)} was charged twice on card ${of(card, n)}, called from ${of(phone, n + 1)}.` },
        { at: at(11), author: 'Jonas Weber', message: `Retries come from ${of(ip, n)}; replayed one with Authorization: Bearer ${of(secrets, 2)}` },
        {
          at: at(17),
          author: 'Jonas Weber',
          message: `export DD_API_KEY=${of(secrets, 3)} AWS_ACCESS_KEY_ID=${of(secrets, 0)} GITHUB_TOKEN=${of(secrets, 1)}`,
        },
        { at: at(24), author: 'Priya Raman', message: 'Please stop pasting keys here. Rotating all of them now.' },
      ],
      attributes: {
        pagerKey: hex(12, world.seed, 'pager', n),
        database: { host: 'payments-db.prod.internal', user: 'payments_rw', password: of(password, 0) },
      },
    };
  };
  return [
    incident(3, 3, {
      title: 'Double charges on checkout',
      severity: 'SEV-1',
      state: 'active',
      services: ['checkout', 'payments'],
      customerImpact: 'Some cards are charged twice.',
    }),
    incident(2, 31, {
      title: 'Slow search in the storefront',
      severity: 'SEV-3',
      state: 'stable',
      services: ['search'],
      customerImpact: 'Results take up to 6 s.',
    }),
    incident(1, 77, {
      title: 'Order mails delayed',
      severity: 'SEV-2',
      state: 'resolved',
      services: ['notifications'],
      customerImpact: 'Order mails arrive an hour late.',
    }),
  ];
}
