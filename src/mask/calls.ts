// Passwords among the arguments of a call, and in the pairs of clients' libraries: `new NetworkCredential("bob", "…")`, `auth=("bob", "…")`,
// `PASSWORD('…')`.
import { markEnd } from './marker.ts';
import type { Source } from './source.ts';
import { isPlaceholder } from './values.ts';

// A user and a password, both in quotes. Of the password, as far as its own quote.
const PAIR = /\(\s{0,8}\\{0,7}["'][^"'\\\r\n]{0,128}\\{0,7}["']\s{0,8},\s{0,8}\\{0,7}(["'])([^"'\\\r\n]{1,128})\\{0,7}\1/y;
const ONE = /\(\s{0,8}N?(')([^'\\\r\n]{1,128})'/y;
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
