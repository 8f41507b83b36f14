// Bank account numbers (ISO 13616): country, length, structure and check digits; with or without spaces.
import { countrySpecs } from 'ibantools';
import type { Source } from './source.ts';
import { isAlnum, isDigit, isLetter } from './units.ts';

const LENGTH_MIN = 15;
const LENGTH_MAX = 34;

/** Masks the IBAN that starts at `at`; returns its end, or 0. The two letters and two digits there have not been looked at yet. */
export function maskIban(source: Source, at: number): number {
  const u = source.units;
  if (!isLetter(u[at]) || !isLetter(u[at + 1]) || !isDigit(u[at + 2]) || !isDigit(u[at + 3])) return 0;
  const spec = countrySpecs[source.text.slice(at, at + 2).toUpperCase()];
  const length = spec?.chars ?? 0;
  if (!spec?.IBANRegistry || length < LENGTH_MIN || length > LENGTH_MAX) return 0;
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
  if (spec.bban_regexp && !new RegExp(spec.bban_regexp).test(iban.slice(4))) return 0;
  return remainder97(iban) === 1 ? source.hit(at, i, 'iban') : 0;
}

function isGap(c: number | undefined): boolean {
  return c === 0x20 || c === 0x2d || c === 0xa0 || c === 0x202f;
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
