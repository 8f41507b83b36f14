// The personal data and secrets that the sandbox's answers carry: well-formed, made up, and known, so that a test can look for leaks.
import { BASE62, hex, letters, pick } from './seeded.ts';

/** Every sensitive value that an answer of the sandbox can hold, by the detector that should find it. */
export interface Sensitive {
  readonly email: readonly string[];
  /** Card numbers that pass the Luhn check: the networks' own test numbers. */
  readonly card: readonly string[];
  readonly secrets: readonly string[];
  readonly ip: readonly string[];
  readonly phone: readonly string[];
  readonly iban: readonly string[];
  /** Plain words that only a field rule finds (`$..password`). */
  readonly password: readonly string[];
}

const CUSTOMERS = ['lena.hartmann', 'oluwaseun.adeyemi', 'c.dubois', 'marta.kowalska', 'hiro.tanaka', 'n.petrova'];
const MAIL_HOSTS = ['postbox.example', 'mail.example', 'fastmail.example'];
const CARDS = ['4111111111111111', '5555555555554444', '378282246310005', '6011111111111117'];
const PHONES = ['+1 415 555 0132', '+44 20 7946 0018', '+49 30 23125 041'];
const IBANS = ['DE89370400440532013000', 'GB29NWBK60161331926819', 'FR1420041010050500013M02606'];

export function makeSensitive(seed: number): Sensitive {
  return {
    email: CUSTOMERS.map((name) => `${name}@${pick(MAIL_HOSTS, seed, 'mail', name)}`),
    card: CARDS,
    secrets: [
      `AKIA${letters('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16, seed, 'aws')}`,
      `ghp_${letters(BASE62, 36, seed, 'github')}`,
      `sk_live_${letters(BASE62, 24, seed, 'stripe')}`,
      hex(32, seed, 'datadog'),
    ],
    ip: Array.from({ length: 4 }, (_, i) => `203.0.113.${1 + (Math.floor(i * 61 + seed) % 250)}`),
    phone: PHONES,
    iban: IBANS,
    password: [`harbor-${letters(BASE62, 10, seed, 'password')}`],
  };
}

/** All of them in one list. */
export function everySensitiveValue(sensitive: Sensitive): string[] {
  return Object.values(sensitive).flat();
}
