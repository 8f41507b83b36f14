// Names of people, best effort and opt-in: only where a title, a phrase or a field's name announces one. A name alone in a text is not found.
import { valueFrom } from './address.ts';
import type { Hit } from './source.ts';

const PART = "\\p{Lu}[\\p{L}\\p{M}'’-]{1,30}";
const NAME = `(${PART}(?: (?:${PART}|\\p{Lu}\\.?|(?:de|da|di|del|van|von|der|den|la|bin|al|el)(?= (?:[a-z]{1,3} )?\\p{Lu}))){0,4})`;

const TITLE = '(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Lady|Herr|Frau|Mme|Mlle|Señora?|Sr|Sra|Signora?)\\.?';
const PHRASE =
  "(?:[Mm]y name is|[Nn]ame is|[Ii] am|I[’']m|[Tt]his is|[Dd]ear|[Ss]igned by|[Cc]reated by|[Ww]ritten by|[Rr]eported by|[Aa]ssigned to|[Oo]n behalf of|[Aa]ttn:?|[Cc]ustomer:?|[Pp]atient:?|[Ee]mployee:?|[Cc]ontact:|(?:[Ff]ull |[Ff]irst |[Ll]ast )?[Nn]ame:)";

const announced = new RegExp(`(?<![\\p{L}\\p{N}])(?:${PHRASE} (?:${TITLE} )?|${TITLE} )${NAME}`, 'gu');
// A field in JSON, at any depth of escaping, or in logfmt.
const named = /(?:full|first|last|given|family|middle|maiden|display|customer|patient|employee|contact|sur)[_ -]?name\\{0,7}"?\s{0,2}[:=]\s{0,2}\\{0,7}"/giu;

/** Where names of people stand in `text`, as far as something announces them; in order within each pattern. */
export function findPersons(text: string): Hit[] {
  const hits: Hit[] = [];
  for (const found of text.matchAll(announced)) {
    const end = found.index + found[0].length;
    hits.push({ start: end - (found[1]?.length ?? 0), end, mark: 'person' });
  }
  for (const found of text.matchAll(named)) {
    const start = found.index + found[0].length;
    const value = valueFrom(text, start);
    if (value.length > 1) hits.push({ start, end: start + value.length, mark: 'person' });
  }
  return hits;
}
