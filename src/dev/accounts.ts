// Who can log in to the provider of `mcprec dev`: a few people of a made-up shop, and one machine.

export interface Account {
  readonly subject: string;
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
  /** Stands under the name on the log-in page. */
  readonly role: string;
}

/** A client that logs in with its own secret (RFC 6749, section 4.4). */
export interface MachineAccount {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly email: string;
  readonly groups: readonly string[];
}

export const devAccounts: readonly Account[] = [
  {
    subject: 'maya.okafor',
    name: 'Maya Okafor',
    email: 'maya.okafor@harborshop.example',
    groups: ['engineering', 'sre'],
    role: 'Site reliability engineer',
  },
  { subject: 'jonas.weber', name: 'Jonas Weber', email: 'jonas.weber@harborshop.example', groups: ['engineering'], role: 'Developer, checkout team' },
  {
    subject: 'priya.raman',
    name: 'Priya Raman',
    email: 'priya.raman@harborshop.example',
    groups: ['engineering', 'security', 'sre-leads'],
    role: 'Security lead',
  },
  {
    subject: 'tomas.lind',
    name: 'Tomás Lind',
    email: 'tomas.lind@partner.example',
    groups: ['contractors'],
    role: 'Contractor, without access to any connection',
  },
];

/** The machine of `mcprec dev`. */
export function devMachine(clientSecret: string): MachineAccount {
  return { clientId: 'nightly-report', clientSecret, email: 'nightly-report@harborshop.example', groups: ['automation'] };
}
