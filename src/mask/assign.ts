// Secrets that their name gives away: `"password": "…"`, `API_KEY=…`, `token: …`, `--secret …`, at any depth of JSON in strings.
import { maskCookies, maskCredentials } from './credentials.ts';
import { maskEntropy } from './dense.ts';
import { type NameKind, nameKind } from './keynames.ts';
import { lastMark, markEnd } from './marker.ts';
import type { Source } from './source.ts';
import { foreignKind } from './tongues.ts';
import { isAlnum, isDigit, isSpace, WIDE_COLON } from './units.ts';
import { BARE_SEEN, closingQuote, endOfBare, isPlaceholder, isPlausible, NUMBER, SPACES_MAX, VALUE_MAX } from './values.ts';

const BACKSLASH = 0x5c;
const DOUBLE = 0x22;
const SINGLE = 0x27;
const COLON = 0x3a;
const EQUALS = 0x3d;
const PIPE = 0x7c;
const GREATER_THAN = 0x3e;
const ITEMS_MAX = 64;
const ELEMENT_MAX = 512;
/** Names of these kinds promise more than that a rule names them; of the others, a rule is the surer sign. */
const SURE: ReadonlySet<NameKind> = new Set<NameKind>(['password', 'secret', 'authorization', 'cookie']);
const PEM_BEGINS = '-----BEGIN ';

/** A name and where it ends; `quoted` where it stands in quotes, as in JSON, behind that many backslashes. */
export interface Name {
  readonly kind: NameKind;
  readonly end: number;
  readonly quoted: boolean;
  readonly slashes: number;
}

/** Masks the value after the `:` or `=` at `at` if its name is a secret's or a field's. The last word before stands at `nameStart`…`nameEnd`. Returns the end of the hit, or 0. */
export function maskAssigned(source: Source, at: number, nameStart: number, nameEnd: number): number {
  const u = source.units;
  let end = at;
  while (at - end < SPACES_MAX && isSpace(u[end - 1])) end--;
  const quoted = u[end - 1] === DOUBLE || u[end - 1] === SINGLE;
  let slashes = 0;
  if (quoted) {
    end--;
    while (u[end - 1 - slashes] === BACKSLASH) slashes++;
    end -= slashes;
  }
  // `user[password]=`, also as `user%5Bpassword%5D=`.
  if (u[end - 1] === 0x5d && nameEnd === end - 1) end = nameEnd;
  else if (u[end - 3] === 0x25 && nameEnd === end && /^%5d$/i.test(source.text.slice(end - 3, end))) end -= 3;
  else if (end !== nameEnd && (u[end - 1] ?? 0) < 0x80) return 0;
  const said = source.on.secrets ? (nameKind(u, end) ?? foreignKind(source, end)) : undefined;
  const kind = said !== undefined && SURE.has(said) ? said : (fieldKind(source, nameStart, end) ?? said);
  if (kind === undefined) return 0;
  const sign = u[at];
  if (sign === EQUALS && (u[at + 1] === EQUALS || u[at - 1] === 0x21)) return 0;
  let value = at + 1;
  if (u[value] === EQUALS || u[value] === 0x3e) value++;
  while (value - at < SPACES_MAX && isSpace(u[value])) value++;
  return maskValueAt(source, { kind, end, quoted, slashes }, sign === COLON || sign === WIDE_COLON ? 'colon' : 'equals', value);
}

function fieldKind(source: Source, start: number, end: number): NameKind | undefined {
  return source.names.size > 0 && source.names.has(source.text.slice(start, end).toLowerCase()) ? 'field' : undefined;
}

const ATTRIBUTE = /<[\w:.-]{1,32}\s[^<>]{0,64}\b(?:name|key|id)=\\{0,7}["'][\w.:-]{1,64}$/;

/** Masks the text of the XML element whose start tag ends with the `>` at `at` and has a secret's name, or an attribute that says so: `<password>…`, `<property name="db.password">…`. Returns its end, or 0. */
export function maskElement(source: Source, at: number, nameStart: number, nameEnd: number): number {
  const u = source.units;
  if (!source.on.secrets) return 0;
  const before = u[nameStart - 1];
  const named = nameEnd === at ? before === 0x3c || before === COLON : ATTRIBUTE.test(source.text.slice(Math.max(0, nameStart - 80), nameEnd));
  const kind = named ? nameKind(u, nameEnd) : undefined;
  if (kind === undefined || kind === 'value' || kind === 'signature' || kind === 'entropy') return 0;
  const end = source.text.slice(at + 1, at + 1 + ELEMENT_MAX).search(/[<"\\\n]/) + at + 1;
  if (end <= at + 1 || u[end] !== 0x3c || lastMark(source.text, at, end)?.end === end) return 0;
  return isPlaceholder(source.text.slice(at + 1, end)) ? 0 : source.hit(at + 1, end, markOf(kind));
}

/** Masks the value of `name` that stands at `at`, with its quotes if it has any; returns its end, or 0. */
export function maskValueAt(source: Source, name: Name, sign: 'colon' | 'equals', at: number): number {
  const u = source.units;
  let open = at;
  while (u[open] === BACKSLASH) open++;
  // SQL Server's strings: N'…'.
  if (open === at && u[at] === 0x4e && u[at + 1] === SINGLE) return maskQuoted(source, name, at + 1, at + 1);
  const quote = u[open];
  if (name.kind === 'entropy') return maskEntropy(source, name, at, open);
  if (name.kind === 'value') return maskPair(source, name, at, open);
  if (name.kind === 'signature' && !(inQuery(source, name.end) && isLongCode(source, name, at))) return 0;
  if (quote === DOUBLE || quote === SINGLE || quote === 0x60) return maskQuoted(source, name, at, open);
  if (u[at] === 0x5b && name.quoted) return maskItems(source, name, at);
  if (name.quoted && (isDigit(u[at]) || u[at] === 0x2d)) return maskNumber(source, name, at);
  if (open !== at || u[at] === 0x7b) return 0;
  if (u[at] === PIPE || u[at] === GREATER_THAN) return maskBlock(source, name, at);
  return maskBare(source, name, sign, at);
}

// A number under a secret's name in JSON, whole.
function maskNumber(source: Source, name: Name, at: number): number {
  NUMBER.lastIndex = at;
  if (!NUMBER.test(source.text)) return 0;
  const end = NUMBER.lastIndex;
  if (name.kind === 'code' && !/^\d{3,8}$/.test(source.text.slice(at, end))) return 0;
  return name.kind === 'password' || name.kind === 'code' ? source.hit(at, end, markOf(name.kind)) : 0;
}

/** Masks the content of the quotes that open at `open`, behind the backslashes from `at` on; returns its end, or 0. */
export function maskQuoted(source: Source, name: Name, at: number, open: number): number {
  const start = open + 1;
  if (isClosing(source, name, at, open)) return 0;
  const end = closingQuote(source, open, open - at);
  if (end <= start) return 0;
  const held = source.text.slice(start, Math.min(end, start + 64));
  // A key in PEM goes on over lines: it is masked as one.
  if (source.units[end] === 0x0a && held.startsWith(PEM_BEGINS)) return 0;
  if (markEnd(source.text, start) === end || (!name.quoted && isPlaceholder(held))) return 0;
  if (name.kind === 'code' && !/^\d{3,8}$/.test(held)) return 0;
  if (name.kind === 'cookie' && !source.text.slice(start, end).includes('=')) return 0;
  return maskChanged(source, name, source.hit(start, end, markOf(name.kind)));
}

const ARROW = /\\{0,7}"\s{1,4}->\s{1,4}(\\{0,7})(?=")/y;

// `password = "…" -> "…"`: the new value of a plan of Terraform's.
function maskChanged(source: Source, name: Name, end: number): number {
  ARROW.lastIndex = end;
  const found = ARROW.exec(source.text);
  if (found === null) return end;
  const open = ARROW.lastIndex;
  return maskQuoted(source, name, open - (found[1]?.length ?? 0), open) || end;
}

// True where the quote behind a name is the end of the string that the name stands in, as in `{"q": "token: ", …}` or `'token:', …`.
function isClosing(source: Source, name: Name, at: number, open: number): boolean {
  if (name.quoted) return open - at < name.slashes;
  if (source.units[open] !== DOUBLE) return /^(?:[\s,;:.)\]}]|$)/.test(source.text.slice(open + 1, open + 2));
  if (source.form === 'json' && open === at) return true;
  return source.quotes.closes(open) && /^\s*(?:[,}\]:\\]|$)/.test(source.text.slice(open + 1, open + 24));
}

// An array of strings, as headers are in some logs: `"Authorization": ["Bearer …"]`.
function maskItems(source: Source, name: Name, at: number): number {
  let end = 0;
  let i = at + 1;
  for (let n = 0; n < ITEMS_MAX; n++) {
    while (isSpace(source.units[i])) i++;
    let open = i;
    while (source.units[open] === BACKSLASH) open++;
    if (source.units[open] !== DOUBLE) break;
    const close = closingQuote(source, open, open - i);
    if (close < open) break;
    if (close > open + 1 && markEnd(source.text, open + 1) !== close) end = source.hit(open + 1, close, markOf(name.kind));
    i = close + (open - i) + 1;
    while (isSpace(source.units[i])) i++;
    if (source.units[i++] !== 0x2c) break;
  }
  return end;
}

const BLOCK = /[|>][+-]?[0-9]?[+-]?(?:\r?\n|(?:\\{1,7}r)?\\{1,7}n)[ ]{1,40}/y;

// `password: |`, and the value in the next line (YAML's block scalars). Keys in PEM have more lines, and are found by themselves.
function maskBlock(source: Source, name: Name, at: number): number {
  if (name.kind !== 'password' && name.kind !== 'secret') return 0;
  BLOCK.lastIndex = at;
  if (!BLOCK.test(source.text)) return 0;
  const start = BLOCK.lastIndex;
  const end = endOfBare(source, start, VALUE_MAX);
  const held = source.text.slice(start, Math.min(end, start + BARE_SEEN));
  return end === start || held.startsWith('-----') || isPlaceholder(held) || markEnd(source.text, start) > 0 ? 0 : source.hit(start, end, markOf(name.kind));
}

function maskBare(source: Source, name: Name, sign: 'colon' | 'equals', at: number): number {
  if (markEnd(source.text, at) > 0) return 0;
  if (name.kind === 'authorization') return maskCredentials(source, at);
  if (name.kind === 'cookie') return maskCookies(source, at);
  // Judged by its beginning, and only then read to its end: what is rejected must be cheap.
  const seen = endOfBare(source, at, BARE_SEEN);
  if (seen === at) return 0;
  const held = source.text.slice(at, seen);
  // A call in code.
  if (source.units[seen] === 0x28 && /^[A-Za-z_][\w.]*$/.test(held)) return 0;
  const pair = { kind: name.kind, sign, held, next: source.text.slice(seen, seen + 2) };
  if (isPlaceholder(held) || !isPlausible(pair) || isOtherwise(source, name, sign, held)) return 0;
  CRYPT.lastIndex = at;
  if (CRYPT.test(source.text)) return source.hit(at, CRYPT.lastIndex, markOf(name.kind));
  return source.hit(at, endOfBare(source, at, VALUE_MAX), markOf(name.kind));
}

/** A hash in modular crypt format; some of its parameters stand behind commas. */
const CRYPT = /\$[a-z0-9-]{1,16}\$[A-Za-z0-9$,=./+-]{8,256}/y;

const SHELL_DIRECTORY = /(?<![\w-])(?:OLD)?PWD$/;
const TEST_RESULT = /(?<![\w-])PASS$/;

// `PWD=/home/app`, the shell's directory; `PASS: test_login`, a line of a test's report.
function isOtherwise({ text }: Source, { end }: Name, sign: 'colon' | 'equals', held: string): boolean {
  const label = text.slice(Math.max(0, end - 7), end);
  return held.startsWith('/') ? SHELL_DIRECTORY.test(label) : sign === 'colon' && TEST_RESULT.test(label) && !/\d/.test(held);
}

// `{"name": "DB_PASSWORD", "value": "…"}`, as environments of containers are written.
// Read backwards, so that it is tried at one place only.
const DEMAN =
  /^["']?\\{0,7}(?:\s{0,8},\s{0,8}|\s{1,24}|\s{0,24}n\\{1,7})["']?\\{0,7}([\w. -]{1,64}?)["']?\\{0,7}\s{0,4}[:=]\s{0,4}["']?\\{0,7}(?:eman|yek|dleif|redaeh|elbairav|vne)/di;

// `variable "db_password" { default = "…" }`, as Terraform's variables are written.
// `"db_password": {"sensitive": true, "value": "…"}`, as outputs of Terraform and parameters of Azure's templates are written.
const OBJECT = /"([\w.-]{1,64})\\{0,7}"\s{0,4}:\s{0,4}\{[^{}]{0,80}$/d;

const VARIABLE = /variable\s{1,4}\\{0,7}"([\w-]{1,64})\\{0,7}"\s{0,4}\{[^{}]{0,80}$/d;

function maskPair(source: Source, name: Name, at: number, open: number): number {
  const first = source.units[open];
  if (first !== DOUBLE && first !== SINGLE && !isAlnum(first)) return 0;
  const nameStart = name.end - (((source.units[name.end - 1] as number) | 0x20) === 0x74 ? 7 : 5);
  const before = source.text.slice(Math.max(0, nameStart - 160), nameStart);
  const deman = DEMAN.exec([...before].reverse().join(''))?.indices?.[1]?.[0];
  const variable = deman === undefined ? (VARIABLE.exec(before) ?? OBJECT.exec(before))?.indices?.[1]?.[1] : undefined;
  const back = deman ?? (variable === undefined ? undefined : before.length - variable);
  if (back === undefined) return 0;
  const labelEnd = nameStart - back;
  const kind = nameKind(source.units, labelEnd);
  if (kind === undefined || kind === 'value' || kind === 'signature') return 0;
  const pair = { kind, end: name.end, quoted: true, slashes: name.slashes };
  return first === DOUBLE || first === SINGLE ? maskQuoted(source, pair, at, open) : maskBare(source, pair, 'equals', at);
}

// Of codes, only those that are exchanged for tokens.
function isLongCode(source: Source, { end }: Name, at: number): boolean {
  if (source.text.charAt(end - 1) !== 'e' || source.text.slice(end - 4, end) !== 'code') return true;
  const held = source.text.slice(at, endOfBare(source, at, BARE_SEEN));
  return held.length >= 16 && /\d/.test(held) && /[A-Za-z]/.test(held);
}

// Signatures of signed links: only as a parameter of a query.
function inQuery(source: Source, nameEnd: number): boolean {
  return /[?&;](?:sig|signature|code)$|x-(?:amz|goog)-signature$/i.test(source.text.slice(Math.max(0, nameEnd - 24), nameEnd));
}

/** The mark of a value whose name says that it is of this kind. */
export function markOf(kind: NameKind): string {
  if (kind === 'field') return 'field';
  return kind === 'secret' ? 'secret:key' : `secret:${kind}`;
}
