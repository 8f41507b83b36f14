// Values of each type in the formats of those who issue them, made from a seed: none belongs to anyone.
import { countrySpecs } from 'ibantools';
import { ALNUM, DIGITS, HEX, LOWER, type Random, UPPER } from './random.ts';

const URLSAFE = `${ALNUM}-_`;
const BASE64 = `${ALNUM}+/`;

export function luhnDigit(body: string): string {
  let sum = 0;
  for (let i = body.length - 1, double = true; i >= 0; i--, double = !double) {
    const d = Number(body[i]);
    sum += double ? (d > 4 ? d * 2 - 9 : d * 2) : d;
  }
  return String((10 - (sum % 10)) % 10);
}

const cardIssuers: readonly (readonly [prefixes: readonly string[], length: number])[] = [
  [['4'], 16],
  [['51', '52', '53', '54', '55', '2221', '2500', '2720'], 16],
  [['34', '37'], 15],
  [['6011', '644', '65'], 16],
  [['300', '305', '36', '38'], 14],
  [['3528', '3566', '3589'], 16],
  [['62'], 16],
];

/** A card number without separators. */
export function card(r: Random): string {
  const [prefixes, length] = r.pick(cardIssuers);
  const prefix = r.pick(prefixes);
  const body = prefix + r.text(DIGITS, length - 1 - prefix.length);
  return body + luhnDigit(body);
}

/** A card number as it is printed or typed. */
export function writtenCard(r: Random): string {
  const digits = card(r);
  const separator = r.pick(['', '', ' ', '-']);
  const groups = digits.length === 15 ? /^(.{4})(.{6})(.{5})$/ : digits.length === 14 ? /^(.{4})(.{6})(.{4})$/ : /^(.{4})(.{4})(.{4})(.{4})$/;
  return digits.replace(groups, (_, ...parts: string[]) =>
    parts
      .filter((part) => /^\d{2,6}$/.test(String(part)))
      .slice(0, digits.length === 16 ? 4 : 3)
      .join(separator),
  );
}

const firstNames = ['maria', 'john', 'li', 'søren', 'zoë', 'ahmed', 'olga', 'jean-luc', 'o’neill', 'priya', 'müller', 'anna'].map((n) => n.replace('’', "'"));
const lastNames = ['smith', 'garcia', 'wang', 'jensen', 'dubois', 'khan', 'ivanova', 'rossi', 'sato', 'nowak'];
const hosts = [
  'example.com',
  'mail.example.co.uk',
  'corp.example.org',
  'example-shop.de',
  'sub.domain.example.io',
  'xn--bcher-kva.example',
  'gmail.com',
  'bücher.example',
];

export function email(r: Random): string {
  const first = r.pick(firstNames);
  const last = r.pick(lastNames);
  const local = r.pick([
    `${first}.${last}`,
    `${first}${r.below(99)}`,
    `${first}_${last}`,
    `${first}+${r.text(LOWER, 4)}`,
    `${first.charAt(0)}${last}`,
    last,
    `${first}.${last}-${r.below(9)}`,
  ]);
  return `${r.chance(0.2) ? local.toUpperCase() : local}@${r.pick(hosts)}`;
}

export function iban(r: Random): string {
  const countries = Object.entries(countrySpecs).filter(([, spec]) => spec.IBANRegistry && spec.bban_regexp);
  const [country, spec] = r.pick(countries);
  let bban = '';
  for (const [, set, size] of (spec.bban_regexp ?? '').matchAll(/(\[[^\]]+\])\{(\d+)\}/g)) bban += r.text(alphabetOf(set ?? ''), Number(size));
  const numeric = [...`${bban}${country}00`].map((c) => Number.parseInt(c, 36)).join('');
  const check = String(98n - (BigInt(numeric) % 97n)).padStart(2, '0');
  const whole = country + check + bban;
  const form = r.below(4);
  if (form === 0) return whole.replace(/(.{4})(?!$)/g, '$1 ');
  return form === 1 ? whole.toLowerCase() : whole;
}

function alphabetOf(set: string): string {
  return (set.includes('0-9') ? DIGITS : '') + (set.includes('A-Z') ? UPPER : '');
}

export function ssn(r: Random): string {
  let area = r.between(1, 899);
  if (area === 666) area = 667;
  return `${String(area).padStart(3, '0')}-${String(r.between(1, 99)).padStart(2, '0')}-${String(r.between(1, 9999)).padStart(4, '0')}`;
}

export function ip(r: Random): string {
  if (r.chance(0.6)) return `${r.between(1, 126)}.${r.below(256)}.${r.below(256)}.${r.between(1, 254)}`;
  const groups = Array.from({ length: 8 }, () => r.between(1, 65_535).toString(16));
  switch (r.below(4)) {
    case 0:
      return groups.join(':');
    case 1:
      return `2001:db8::${groups[0]}:${groups[1]}${r.below(10)}`.replace(/:([0-9a-f]{5})$/, ':1');
    case 2:
      return `fe80::${groups[2]}:${groups[3]}:${groups[4]}:${groups[5]}`;
    default:
      return `::ffff:${r.between(1, 126)}.${r.below(256)}.${r.below(256)}.${r.between(1, 254)}`;
  }
}

/** International forms, and North American ones, as people write them. */
export function phoneInternational(r: Random): string {
  const n = (k: number): string => r.text(DIGITS, k);
  const first = (k: number): string => String(r.between(2, 9)) + n(k - 1);
  return r.pick([
    () => `+44 20 ${first(4)} ${n(4)}`,
    () => `+49 (0)30 ${first(4)}${n(3)}`,
    () => `+1 ${areaCode(r)} ${first(3)} ${n(4)}`,
    () => `+1-${areaCode(r)}-${first(3)}-${n(4)}`,
    () => `+33 ${r.between(1, 7)} ${n(2)} ${n(2)} ${n(2)} ${n(2)}`,
    () => `+91${first(10)}`,
    () => `+55 11 9${n(4)}-${n(4)}`,
    () => `+358 40 ${n(3)} ${n(4)}`,
    () => `(${areaCode(r)}) ${first(3)}-${n(4)}`,
    () => `${areaCode(r)}-${first(3)}-${n(4)}`,
    () => `${areaCode(r)}.${first(3)}.${n(4)}`,
  ])();
}

function areaCode(r: Random): string {
  return `${r.between(2, 9)}${r.between(2, 9)}${r.between(2, 9)}`.replace(/11$/, '12');
}

/** National forms, which need a word beside them. */
export function phoneNational(r: Random): string {
  const n = (k: number): string => r.text(DIGITS, k);
  return r.pick([
    () => `${areaCode(r)}${r.between(2, 9)}${n(6)}`,
    () => `0${r.between(1, 9)}${n(2)} ${n(3)} ${n(4)}`,
    () => `${r.between(2, 9)}${n(3)} ${n(4)}`,
    () => `${r.between(10, 99)}-${n(2)}-${n(2)}-${n(2)}`,
    () => `${r.between(200, 999)} ${n(3)} ${n(3)}`,
    () => `0${r.between(1, 9)}${n(8)}`,
  ])();
}

/** Keys and tokens by the service that issues them; each as its documentation describes it. */
export const secretFormats: Readonly<Record<string, (r: Random) => string>> = {
  'aws access key': (r) => r.pick(['AKIA', 'ASIA']) + r.text(`${UPPER}234567`, 16),
  'gcp api key': (r) => `AIza${r.text(URLSAFE, 35)}`,
  'gcp oauth secret': (r) => `GOCSPX-${r.text(URLSAFE, 28)}`,
  'github token': (r) => `${r.pick(['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'])}${r.text(ALNUM, 36)}`,
  'github fine-grained': (r) => `github_pat_${r.text(ALNUM, 22)}_${r.text(ALNUM, 59)}`,
  'gitlab token': (r) => `${r.pick(['glpat-', 'gldt-', 'glrt-', 'glptt-'])}${r.text(URLSAFE, 20)}`,
  'slack bot': (r) => `xoxb-${r.text(DIGITS, 12)}-${r.text(DIGITS, 12)}-${r.text(ALNUM, 24)}`,
  'slack user': (r) => `xoxp-${r.text(DIGITS, 12)}-${r.text(DIGITS, 12)}-${r.text(DIGITS, 12)}-${r.text(HEX, 32)}`,
  'slack app': (r) => `xapp-1-A${r.text(UPPER, 10)}-${r.text(DIGITS, 13)}-${r.text(HEX, 64)}`,
  'slack webhook': (r) => `https://hooks.slack.com/services/T${r.text(UPPER + DIGITS, 8)}/B${r.text(UPPER + DIGITS, 8)}/${r.text(ALNUM, 24)}`,
  stripe: (r) => `${r.pick(['sk_live_', 'sk_test_', 'rk_live_'])}${r.text(ALNUM, r.pick([24, 99]))}`,
  'stripe webhook': (r) => `whsec_${r.text(ALNUM, 32)}`,
  'openai project': (r) => `sk-proj-${r.text(URLSAFE, 74)}T3BlbkFJ${r.text(URLSAFE, 74)}`,
  'openai legacy': (r) => `sk-${r.text(ALNUM, 20)}T3BlbkFJ${r.text(ALNUM, 20)}`,
  anthropic: (r) => `sk-ant-api03-${r.text(URLSAFE, 93)}AA`,
  npm: (r) => `npm_${r.text(ALNUM, 36)}`,
  pypi: (r) => `pypi-AgEIcHlwaS5vcmc${r.text(URLSAFE, 120)}`,
  sendgrid: (r) => `SG.${r.text(URLSAFE, 22)}.${r.text(URLSAFE, 43)}`,
  'twilio key': (r) => `SK${r.text(HEX, 32)}`,
  mailgun: (r) => `key-${r.text(HEX, 32)}`,
  mailchimp: (r) => `${r.text(HEX, 32)}-us${r.between(1, 21)}`,
  digitalocean: (r) => `dop_v1_${r.text(HEX, 64)}`,
  vault: (r) => `hvs.${r.text(URLSAFE, 24)}`,
  doppler: (r) => `dp.pt.${r.text(ALNUM, 43)}`,
  shopify: (r) => `shpat_${r.text(HEX, 32)}`,
  square: (r) => `sq0atp-${r.text(URLSAFE, 22)}`,
  telegram: (r) => `${r.between(1e8, 9e9)}:AA${r.text(URLSAFE, 33)}`,
  'discord webhook': (r) => `https://discord.com/api/webhooks/${r.text('123456789', 18)}/${r.text(URLSAFE, 68)}`,
  linear: (r) => `lin_api_${r.text(ALNUM, 40)}`,
  notion: (r) => `${r.pick(['ntn_', 'secret_'])}${r.text(ALNUM, 43)}`,
  'hugging face': (r) => `hf_${r.text(LOWER + UPPER, 34)}`,
  databricks: (r) => `dapi${r.text(HEX, 32)}`,
  grafana: (r) => `glsa_${r.text(ALNUM, 32)}_${r.text(HEX, 8)}`,
  'new relic': (r) => `NRAK-${r.text(UPPER + DIGITS, 27)}`,
  atlassian: (r) => `ATATT3xFfGF0${r.text(URLSAFE, 170)}=${r.text('0123456789ABCDEF', 8)}`,
  'azure client secret': (r) => `${r.text(ALNUM, 3)}${r.below(10)}Q~${r.text(`${ALNUM}_.-`, 33)}${r.text(ALNUM, 1)}`,
  docker: (r) => `dckr_pat_${r.text(URLSAFE, 27)}`,
  jwt: (r) => {
    const parts = [
      { alg: 'HS256', typ: 'JWT' },
      { sub: r.text(DIGITS, 10), exp: r.between(1e9, 2e9) },
    ];
    return [...parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')), r.text(URLSAFE, 43)].join('.');
  },
  pem: (r) => `-----BEGIN PRIVATE KEY-----\n${Array.from({ length: 6 }, () => r.text(BASE64, 64)).join('\n')}\n-----END PRIVATE KEY-----`,
};

/** Secrets that only their name or their place gives away: a text around the value, and the value. */
export const secretPlaces: Readonly<Record<string, (r: Random) => { readonly text: string; readonly value: string }>> = {
  'aws secret key': (r) => named(r.pick(['aws_secret_access_key = ', 'AWS_SECRET_ACCESS_KEY=', '"SecretAccessKey": "']), r.text(BASE64, 40)),
  'azure storage key': (r) =>
    named('DefaultEndpointsProtocol=https;AccountName=shopdata;AccountKey=', `${r.text(BASE64, 86)}==`, ';EndpointSuffix=core.windows.net'),
  'datadog api key': (r) => named(r.pick(['DD_API_KEY=', 'api_key: ', 'DD-API-KEY: ', '"dd_api_key": "', 'Datadog API key is ']), r.text(HEX, 32)),
  'datadog app key': (r) => named(r.pick(['DD_APP_KEY=', 'application_key: ', 'DD-APPLICATION-KEY: ', '"dd_app_key": "']), r.text(HEX, 40)),
  'heroku api key': (r) => named('HEROKU_API_KEY=', `${r.text(HEX, 8)}-${r.text(HEX, 4)}-${r.text(HEX, 4)}-${r.text(HEX, 4)}-${r.text(HEX, 12)}`),
  'twilio auth token': (r) => named(r.pick(['TWILIO_AUTH_TOKEN=', '"authToken": "']), r.text(HEX, 32)),
  'database url': (r) =>
    named(`${r.pick(['postgres', 'mysql', 'mongodb+srv', 'amqp', 'redis'])}://app:`, r.text(`${ALNUM}!$%^*_-`, 16), '@db.internal.example:5432/shop'),
  'bearer header': (r) => named('Authorization: Bearer ', r.text(`${URLSAFE}`, 40)),
  'basic header': (r) => named('Authorization: Basic ', Buffer.from(`svc-${r.text(LOWER, 5)}:${r.text(ALNUM, 14)}`).toString('base64')),
  'generic assignment': (r) =>
    named(
      r.pick(['client_secret=', 'api-key: ', 'export STRIPE_SECRET=', '"accessToken": "', 'refresh_token=', 'password=', 'X-Api-Key: ']),
      r.text(ALNUM, 28),
    ),
};

function named(before: string, value: string, after = ''): { readonly text: string; readonly value: string } {
  return { text: before + value + (before.endsWith('"') ? '"' : after), value };
}
