// Bank account numbers (ISO 13616): country, length, structure and check digits; with or without spaces.
import { countrySpecs } from 'ibantools';
import type { Source } from './source.ts';
import { isAlnum, isDigit, isLetter } from './units.ts';

const LENGTH_MIN = 15;

// Countries that the registry (SWIFT, ISO 13616) has taken up since the library was made.
const LATER = new Set('BI DJ FK HN'.split(' '));
// Structures that the registry gives otherwise than the library: what either takes.
const STRUCTURES: Readonly<Record<string, string>> = {
  BY: '^[A-Z0-9]{4}[0-9]{4}[A-Z0-9]{16}$',
  DO: '^[A-Z0-9]{4}[0-9]{20}$',
  PK: '^[A-Z0-9]{20}$',
  PS: '^[A-Z0-9]{25}$',
};

// Lengths by country, five bits of each letter; 0 where the registry has none.
const LENGTHS = new Uint8Array(1024);
for (const [country, { IBANRegistry, chars }] of Object.entries(countrySpecs)) {
  if ((IBANRegistry || LATER.has(country)) && chars) LENGTHS[countrySlot(country.charCodeAt(0), country.charCodeAt(1))] = chars;
}

function countrySlot(first: number, second: number): number {
  return ((first & 31) << 5) | (second & 31);
}

/** Masks the IBAN that starts at `at`; returns its end, or 0. The two letters and two digits there have not been looked at yet. */
export function maskIban(source: Source, at: number): number {
  const u = source.units;
  if (!isLetter(u[at]) || !isLetter(u[at + 1]) || !isDigit(u[at + 2]) || !isDigit(u[at + 3])) return 0;
  const length = LENGTHS[countrySlot(u[at] ?? 0, u[at + 1] ?? 0)] ?? 0;
  if (length < LENGTH_MIN) return 0;
  let compact = '';
  let i = at;
  while (compact.length < length) {
    const c = u[i];
    if (isAlnum(c)) compact += source.text.charAt(i);
    else if (!isGap(c) || !isAlnum(u[i + 1])) return 0;
    i++;
  }
  if (isAlnum(u[i])) return 0;
  const iban = compact.toUpperCase();
  if (remainder97(iban) !== 1) return 0;
  const country = iban.slice(0, 2);
  const structure = STRUCTURES[country] ?? countrySpecs[country]?.bban_regexp;
  return structure === undefined || new RegExp(structure).test(iban.slice(4)) ? source.hit(at, i, 'iban') : 0;
}

function isGap(c: number | undefined): boolean {
  // The plus is the space of a form.
  return c === 0x20 || c === 0x2d || c === 0xa0 || c === 0x202f || c === 0x2b;
}

// ISO/IEC 7064 MOD 97-10 over the number with its first four characters behind the rest.
function remainder97(iban: string): number {
  let remainder = 0;
  for (const c of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(c, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder;
}
