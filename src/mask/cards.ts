// Payment card numbers: issuer ranges (ISO/IEC 7812), lengths and the Luhn check.

const LENGTH_MIN = 12;
const LENGTH_MAX = 19;

/** Issuer prefixes, as ranges over the first four digits, at their usual length: what is a card where no word says so. */
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
const USUAL = new Uint8Array(10_000);
for (const [from, to, length] of COMMON) {
  for (let prefix = from; prefix <= to; prefix++) USUAL[prefix] = (USUAL[prefix] ?? 0) | (1 << (length - LENGTH_MIN));
}

/** How sure a string of digits is a card number. `likely` (any digits that pass the check) needs a word near it that says so, or groups of four. */
export type CardRating = 'certain' | 'likely' | 'no';

export function rateCard(digits: string): CardRating {
  if (digits.length < LENGTH_MIN || digits.length > LENGTH_MAX) return 'no';
  let prefix = 0;
  for (let i = 0; i < 4; i++) prefix = prefix * 10 + digits.charCodeAt(i) - 0x30;
  if (!luhn(digits)) return 'no';
  return ((USUAL[prefix] ?? 0) & (1 << (digits.length - LENGTH_MIN))) === 0 ? 'likely' : 'certain';
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
