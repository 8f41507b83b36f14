// Street addresses, best effort and opt-in: the usual forms of a few countries, post office boxes, and fields named for one.
import type { Hit } from './source.ts';

const WORD = "[\\p{L}][\\p{L}\\p{M}'’.-]{0,30}";
const KIND =
  '(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Highway|Hwy|Way|Place|Pl|Terrace|Parkway|Pkwy|Circle|Cir|Crescent|Close|Row|Quay)';
const UNIT = '(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Flat|#)\\.? ?[0-9A-Za-z-]{1,6})?';
const TOWN = '(?:, [\\p{L}][\\p{L} .’-]{1,40})?(?:,? [A-Z]{2})?(?:,? [0-9]{5}(?:-[0-9]{4})?(?![0-9]))?';

const whole: readonly RegExp[] = [
  new RegExp(`(?<![\\p{L}\\p{N}.])[0-9]{1,6}[A-Za-z]? (?:${WORD} ){1,4}${KIND}(?![\\p{L}\\p{N}])\\.?${UNIT}${TOWN}`, 'gu'),
  /(?<![\p{L}\p{N}])\p{Lu}[\p{L}.-]{1,40}(?:straße|strasse|str\.|weg|gasse|platz|allee|gade|gatan|vägen|straat|laan) [0-9]{1,4}[a-z]?(?:, [0-9]{4,5} \p{Lu}[\p{L}-]{1,40})?(?![\p{L}\p{N}])/gu,
  /(?<![\p{L}\p{N}])[0-9]{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|place|impasse|chemin|allée|quai) [\p{L}’' -]{2,50}(?:, [0-9]{5} \p{Lu}[\p{L}-]{1,40})?/giu,
  /(?<![\p{L}\p{N}])(?:P\.? ?O\.? Box|Postfach|PSC|Unit) [0-9]{1,6}(?:,? Box [0-9]{1,6})?(?![\p{L}\p{N}])/gu,
  /(?<![\p{L}\p{N}])[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}(?![\p{L}\p{N}])/gu,
];

const named = /(?:street|address|postal|shipping|billing|home)[_ -]?(?:address|line[_ -]?[12]?|name|code|[12])?\\{0,7}"\s{0,2}:\s{0,2}\\{0,7}"/giu;

const VALUE_MAX = 200;

/** What stands at `at` up to a quote, an escape, a mark or the end of the line; empty where that is too far. */
export function valueFrom(text: string, at: number): string {
  const seen = text.slice(at, at + VALUE_MAX + 1);
  const end = seen.search(/["\\[\n]/);
  return end < 0 ? (seen.length > VALUE_MAX ? '' : seen) : seen.slice(0, end);
}

/** Where street addresses stand in `text`, as far as their form or name tells; in order within each pattern. */
export function findAddresses(text: string): Hit[] {
  const hits = whole.flatMap((pattern) =>
    Array.from(text.matchAll(pattern), (found) => ({ start: found.index, end: found.index + found[0].length, mark: 'address' })),
  );
  for (const found of text.matchAll(named)) {
    const start = found.index + found[0].length;
    const value = valueFrom(text, start);
    // Addresses of machines and of mail are named so, too.
    if (value.length > 2 && !/[@:]|^\d{1,3}(?:\.\d{1,3}){3}/.test(value) && /\p{L}/u.test(value) && value.includes(' '))
      hits.push({ start, end: start + value.length, mark: 'address' });
  }
  return hits;
}
