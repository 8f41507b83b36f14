// Passwords among the arguments of a call, and in the pairs of clients' libraries: `new NetworkCredential("bob", "…")`, `auth=("bob", "…")`,
// `PASSWORD('…')`.
import { markEnd } from './marker.ts';
import type { Source } from './source.ts';
import { isPlaceholder } from './values.ts';

// A user and a password, both in quotes. Of the password, as far as its own quote.
const PAIR = /\(\s{0,8}\\{0,7}["'][^"'\\\r\n]{0,128}\\{0,7}["']\s{0,8},\s{0,8}\\{0,7}(["'])([^"'\\\r\n]{1,128})\\{0,7}\1/y;
const ONE = /\(\s{0,8}N?(')([^'\\\r\n]{1,128})'/y;
const ECHO_REACH = 320;
const TAKES_PAIR = /(?:credentials?|basic_?auth|digest_?auth|password_?authentication(?:token)?)$/i;
/** MySQL's function. In capitals: methods of this name take labels and rules. */
const TAKES_ONE = /^(?:OLD_)?PASSWORD$/;

/** Plans a mask for the password among the arguments of the call whose name stands at `start`…`end`, right before its bracket. */
export function planCall(source: Source, start: number, end: number): void {
  const name = source.text.slice(start, end);
  if (TAKES_PAIR.test(name)) planTuple(source, end);
  else if (TAKES_ONE.test(name)) plan(source, ONE, end);
}

/** Plans a mask for the second of the two strings in the brackets that open at `at`. */
export function planTuple(source: Source, at: number): void {
  plan(source, PAIR, at);
}

const SECURE_STRING = 'ConvertTo-SecureString';
const PLAIN = /\s{1,8}(?:-String\s{1,8})?\\{0,7}(["'])([^"'\\\r\n]{1,128})\\{0,7}\1/y;

/** The same for what PowerShell's `ConvertTo-SecureString`, the token `start`…`end`, makes of a plain string. */
export function planSecureString(source: Source, start: number, end: number): void {
  if (end - start === SECURE_STRING.length && source.text.startsWith(SECURE_STRING, start)) plan(source, PLAIN, end);
}

const FROM_STDIN = '--password-stdin';
const ECHOED = /\b(?:echo|printf)\s{1,4}(?:-n\s{1,4}|["']%s["']\s{1,4})?\\{0,7}(["']?)([^\s"'|\\]{3,128})\\{0,7}\1\s{0,4}\|[^|\n]{1,160}$/;

/** The same for `echo '…' | docker login --password-stdin`, whose option is the token `start`…`end`. */
export function planEchoed(source: Source, start: number, end: number): void {
  if (end - start !== FROM_STDIN.length || !source.text.startsWith(FROM_STDIN, start)) return;
  const from = Math.max(0, start - ECHO_REACH);
  const found = ECHOED.exec(source.text.slice(from, start));
  const held = found?.[2];
  if (found === null || held === undefined || isPlaceholder(held) || markEnd(held, 0) === held.length) return;
  const at = from + found.index + found[0].indexOf('|') - 1;
  const valueStart = source.text.lastIndexOf(held, at);
  source.planned.push({ start: valueStart, end: valueStart + held.length, mark: 'secret:password' });
}

function plan(source: Source, pattern: RegExp, at: number): void {
  pattern.lastIndex = at;
  const found = pattern.exec(source.text);
  const held = found?.[2];
  if (held === undefined || isPlaceholder(held) || markEnd(held, 0) === held.length) return;
  let end = pattern.lastIndex - 1;
  while (source.units[end - 1] === 0x5c) end--;
  // The user's name before it may be worth a mask of its own.
  source.planned.push({ start: end - held.length, end, mark: 'secret:password' });
}
