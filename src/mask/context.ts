// The words near a number that say what it is. Looks a bounded way around the number.
import { lastMark } from './marker.ts';
import type { Source } from './source.ts';
import { isAlnum, WIDE_COLON } from './units.ts';

const NUMBER_OF = '(?:[ _-]?(?:numbers?|num|nos?|nr))?(?![a-z])';

const words = {
  /** Enough for a number written as digits only. */
  phone: new RegExp(
    `phone|msisdn|whatsapp|voicemail|landline|hotline|caller[ _-]?id|tel[eé]f[oó]|(?<![a-z0-9])(?:t(?:[eé]l|elef|lf)|m(?:ob(?:il|ile|iel|ilnummer)?|[oó]vil)|cel(?:l|lular|lulare|ular)|fax|gsm|sms|handy|call (?:me|us|him|her|them)|text (?:me|us))${NUMBER_OF}`,
    'i',
  ),
  /** Enough for a number written in groups. */
  phoneWeak:
    /(?<![a-z0-9])(?:call|contact|reach|ring|dial|speak|callback|ph(?=[\s.:#])|rufnummer|rückruf|erreichbar|appele[rz]|ll[aá]ma(?:me|r)|chiama(?:mi|re)|(?:my|your|his|her|our|their) (?:new )?number|(?:office|desk|home|work|pager)(?=\s?:))(?![a-z])|^\s?[-(]\s?(?:office|desk|home|work|cell|fax|mobile)/i,
  card: /(?<!dis|wild|score|flash|post|dash|time|sim[ _-]?)card(?!inal|i[ao])|visa(?![a-z])|amex|american express|maestro|diners|unionpay|(?<![a-z0-9])(?:pan|cc|ccn|ccnum|jcb|debit|credit)(?![a-z])/i,
  ssn: /(?<![a-z0-9])(?:ssn|itin|tin|ss ?#)|[a-z_]ssn(?![a-z])|social[ _-]?sec|soc\.? sec|social (?:number|no|#)|tax(?:payer)?[ _-]?id/i,
} as const;
export type ContextKind = keyof typeof words;

/** The same in other scripts: asked where the letter nearest to the number is of one. */
const foreignWords: Partial<Readonly<Record<ContextKind, RegExp>>> = {
  phone: /телефон|(?<![а-я])(?:моб|тел)(?![а-я])|电话|手机|電話|携帯|手機|전화|휴대폰|هاتف|جوال|טלפון/i,
  card: /номер карты|банковск(?:ая|ой) карт|银行卡|信用卡|卡号|カード番号|クレジットカード|카드/i,
};

interface Reach {
  /** How far before the number a word may end. */
  readonly before: number;
  /** How far behind the number one may begin; 0 where none there counts. */
  readonly after: number;
  /** The mark of a value that counts as a word where it stands right before. */
  readonly mark: string;
}

const reaches: Readonly<Record<ContextKind, Reach>> = {
  phone: { before: 48, after: 12, mark: 'phone' },
  phoneWeak: { before: 32, after: 8, mark: 'phone' },
  card: { before: 72, after: 0, mark: 'card' },
  ssn: { before: 48, after: 10, mark: 'ssn' },
};

const SAME_MARK_REACH = 8;
const WORD_MAX = 12;
// Names that say nothing: what they hold is named elsewhere.
const ANY_NAME = /^(?:value|val|v|numbers?|num|no|text|data|content|name|message|msg|body|input|query|q|arg\w*|param\w*)$/i;
const ANY_NAME_MAX = 7;
const LONGER = new Set('aApP');

// The longer ones all begin with a or p: most names are told apart by their length.
function isAnyName(name: string): boolean {
  return (name.length <= ANY_NAME_MAX || LONGER.has(name.charAt(0))) && ANY_NAME.test(name);
}

/**
 * True where a word of `kind` stands near `start`…`end`. A number that is the whole value of a name has that name for its
 * words and no others. A masked value ends the reach, so that masking a masked text finds nothing new.
 */
export function isNear(source: Source, kind: ContextKind, start: number, end: number): boolean {
  // Between here and where the last search ended, there are only digits.
  if (start < source.barren[kind]) return false;
  const near = hasWordNear(source, kind, start, end);
  if (!near) source.barren[kind] = end;
  return near;
}

function hasWordNear(source: Source, kind: ContextKind, start: number, end: number): boolean {
  const { text } = source;
  const reach = reaches[kind];
  const hit = source.hits.at(-1);
  if (hit && hit.end <= start && start - hit.end <= SAME_MARK_REACH && hit.mark === reach.mark) return true;
  if (lastMark(text, start - SAME_MARK_REACH, start)?.name === reach.mark) return true;
  const from = Math.max(0, start - reach.before, source.hitEnd);
  const name = nameBefore(source, start);
  if (name !== '' && !isAnyName(name)) return says(kind, name);
  if (kind === 'phoneWeak' && /[\n\r]|\\n/.test(text.slice(from, start))) return false;
  if (says(kind, text.slice(from, start)) && says(kind, text.slice(lastMark(text, from, start)?.end ?? from, start))) return true;
  if (reach.after === 0) return false;
  const behind = text.slice(end, end + reach.after + WORD_MAX);
  const mark = behind.indexOf('[');
  const found = words[kind].exec(mark < 0 ? behind : behind.slice(0, mark));
  return found !== null && found.index <= reach.after;
}

function says(kind: ContextKind, text: string): boolean {
  return words[kind].test(text) || (endsForeign(text) && foreignWords[kind]?.test(text) === true);
}

const SIGNS_MAX = 8;
const NO_BREAK_SPACE = 0xa0;

// True where the last letter of `text` is none of ASCII.
function endsForeign(text: string): boolean {
  for (let i = text.length - 1; i >= Math.max(0, text.length - SIGNS_MAX); i--) {
    const c = text.charCodeAt(i);
    if (c > 0x7f && c !== WIDE_COLON && c !== NO_BREAK_SPACE) return true;
    if (isAlnum(c)) return false;
  }
  return false;
}

const NAME_MAX = 48;
const QUOTES = new Set([0x22, 0x27, 0x5c]);

/** The name of the value that starts at `start`, as in `"name": 1`, `"name": ["1"]`, `name=1`; empty where it has none. */
export function nameBefore(source: Source, start: number): string {
  const u = source.units;
  const lowest = Math.max(0, start - NAME_MAX);
  let i = start - 1;
  while (i > lowest && (u[i] === 0x2b || u[i] === 0x28)) i--;
  while (i > lowest && QUOTES.has(u[i] ?? 0)) i--;
  while (i > lowest && (u[i] === 0x20 || u[i] === 0x5b)) i--;
  if (i > lowest && u[i + 1] === 0x5b) while (i > lowest && u[i] === 0x20) i--;
  const sign = u[i];
  if (sign !== 0x3a && sign !== 0x3d) return '';
  i--;
  while (i > lowest && u[i] === 0x20) i--;
  if (sign === 0x3a && !QUOTES.has(u[i] ?? 0)) return '';
  while (i > lowest && QUOTES.has(u[i] ?? 0)) i--;
  const end = i + 1;
  // A masked name still is one.
  if (u[i] === 0x5d) return ']';
  while (i >= lowest && isNameUnit(u[i])) i--;
  return source.text.slice(i + 1, end);
}

function isNameUnit(c: number | undefined): boolean {
  return isAlnum(c) || c === 0x5f || c === 0x2d || c === 0x2e || c === 0x20 || (c ?? 0) >= 0x80;
}
