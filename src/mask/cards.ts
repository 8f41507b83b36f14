// Payment card numbers: issuer ranges (ISO/IEC 7812), lengths and the Luhn check.

const LENGTH_MIN = 12;
const LENGTH_MAX = 19;

/** Issuer prefixes as ranges over the first four digits, with the lengths in use. */
const RANGES: readonly (readonly [from: number, to: number, lengths: readonly number[]])[] = [
  [1800, 1800, [15]], // JCB
  [2131, 2131, [15]],
  [2200, 2205, [16, 17, 18, 19]], // Mir, Borica
  [2221, 2720, [16]], // Mastercard
  [3000, 3059, [14, 16]], // Diners Club
  [3095, 3095, [14, 16]],
  [3600, 3699, [14, 16]],
  [3800, 3999, [14, 16]],
  [3400, 3499, [15]], // American Express
  [3700, 3799, [15]],
  [3528, 3589, [16, 17, 18, 19]], // JCB
  [4000, 4999, [13, 16, 18, 19]], // Visa
  [5000, 5099, [12, 13, 14, 15, 16, 17, 18, 19]], // Maestro, Verve, Elo
  [5100, 5599, [16]], // Mastercard
  [5600, 5999, [12, 13, 14, 15, 16, 17, 18, 19]], // Maestro
  [6000, 6999, [12, 13, 14, 15, 16, 17, 18, 19]], // Maestro, Discover, UnionPay, RuPay
  [8100, 8299, [16, 17, 18, 19]], // UnionPay, RuPay
  [8600, 8600, [16]], // Uzcard
  [9792, 9792, [16]], // Troy
  [9860, 9860, [16]], // Humo
];

// Where no word says "card", only what most cards are: these prefixes at their usual length.
const COMMON: readonly (readonly [from: number, to: number, length: number])[] = [
  [1800, 1800, 15],
  [2131, 2131, 15],
  [2200, 2204, 16],
  [2221, 2720, 16],
  [3000, 3059, 14],
  [3095, 3095, 14],
  [3600, 3699, 14],
  [3800, 3999, 14],
  [3400, 3499, 15],
  [3700, 3799, 15],
  [3528, 3589, 16],
  [4000, 4999, 16],
  [5100, 5599, 16],
  [5018, 5018, 16],
  [5020, 5020, 16],
  [5038, 5038, 16],
  [5893, 5893, 16],
  [6011, 6011, 16],
  [6304, 6304, 16],
  [6200, 6299, 16],
  [6440, 6599, 16],
  [6759, 6763, 16],
];

// By the first four digits: one bit for each length from 12 to 19.
const KNOWN = new Uint8Array(10_000);
const USUAL = new Uint8Array(10_000);
for (const [from, to, lengths] of RANGES) for (let prefix = from; prefix <= to; prefix++) for (const length of lengths) set(KNOWN, prefix, length);
for (const [from, to, length] of COMMON) for (let prefix = from; prefix <= to; prefix++) set(USUAL, prefix, length);

function set(table: Uint8Array, prefix: number, length: number): void {
  table[prefix] = (table[prefix] ?? 0) | (1 << (length - LENGTH_MIN));
}

/** How sure a string of digits is a card number. `likely` needs a word near it that says so. */
export type CardRating = 'certain' | 'likely' | 'no';

export function rateCard(digits: string): CardRating {
  if (digits.length < LENGTH_MIN || digits.length > LENGTH_MAX) return 'no';
  let prefix = 0;
  for (let i = 0; i < 4; i++) prefix = prefix * 10 + digits.charCodeAt(i) - 0x30;
  const bit = 1 << (digits.length - LENGTH_MIN);
  if (((KNOWN[prefix] ?? 0) & bit) === 0 || !luhn(digits)) return 'no';
  return ((USUAL[prefix] ?? 0) & bit) === 0 ? 'likely' : 'certain';
}

/** ISO/IEC 7812-1, annex B. */
export function luhn(digits: string): boolean {
  let sum = 0;
  let double = false;
  for (let i = digits.length - 1; i >= 0; i--) {
    const d = digits.charCodeAt(i) - 0x30;
    sum += double ? (d > 4 ? d * 2 - 9 : d * 2) : d;
    double = !double;
  }
  return sum % 10 === 0;
}
