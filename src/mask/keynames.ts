// Names that say that their value is a secret: `DB_PASSWORD`, `clientSecret`, `x-api-key`, `Authorization`.
import { isLetter } from './units.ts';

/**
 * What a name says of its value. `password`: anything may be one, even a plain word. `secret`: keys and tokens. `authorization`: a
 * scheme and credentials. `cookie`: `name=value; …`. `code`: a few digits. `signature`: in a query only. `value`: see the name beside it. `field`: a rule names it.
 */
export type NameKind = 'password' | 'secret' | 'authorization' | 'cookie' | 'code' | 'signature' | 'value' | 'field';

interface Ending {
  /** Lower case, without separators. */
  readonly text: string;
  readonly kind: NameKind;
  /** True where a letter before it makes another word of it: `bypass`. */
  readonly whole: boolean;
}

const KEYS_OF =
  'api app application access secret private signing encryption decryption master webhook service account shared auth license subscription admin deploy ssh rsa write ingest integration client tls ssl pgp gpg hmac jwt session aes cipher crypto functions';

const endings: readonly Ending[] = [
  ...['password', 'passwd', 'passphrase', 'passwort', 'motdepasse'].map((text) => ending(text, 'password')),
  ...['pwd', 'pass', 'passcode', 'pswd', 'passw', 'passwordhash', 'passwdhash'].map((text) => ending(text, 'password', 'whole')),
  ...['secret', 'token', 'secretvalue', 'secrettext', 'connectionstring'].map((text) => ending(text, 'secret')),
  ...KEYS_OF.split(' ').map((owner) => ending(`${owner}key`, 'secret', 'whole')),
  ...['credential', 'credentials', 'jwt', 'bearer', 'apitoken', 'creds'].map((text) => ending(text, 'secret', 'whole')),
  ...['authorization', 'authorisation', 'xauth'].map((text) => ending(text, 'authorization', 'whole')),
  ...['cookie', 'cookies'].map((text) => ending(text, 'cookie', 'whole')),
  ...['otp', 'totp', 'cvv', 'cvc', 'pin', 'cvvcode', 'cvccode', 'pincode', 'mfacode', 'otpcode', 'securitycode'].map((text) => ending(text, 'code', 'whole')),
  ...['sig', 'signature'].map((text) => ending(text, 'signature', 'whole')),
  ending('value', 'value', 'whole'),
];

// `nextPageToken` leads to a page, `eos_token` ends a sentence: neither opens a door.
const HARMLESS_TOKENS =
  'next page nextpage continuation continue pagination scroll sync progress resume start end prev previous cursor cancellation cancel marker position max stop eos bos pad unk sep cls mask design per last first'.split(
    ' ',
  );

function ending(text: string, kind: NameKind, extent?: 'whole'): Ending {
  return { text, kind, whole: extent === 'whole' };
}

const byLastThree: (readonly Ending[] | undefined)[] = [];
for (const one of endings) {
  const slot = lastThree(one.text.charCodeAt(one.text.length - 1), one.text.charCodeAt(one.text.length - 2), one.text.charCodeAt(one.text.length - 3));
  byLastThree[slot] = [...(byLastThree[slot] ?? []), one];
}
for (let slot = 0; slot < 32_768; slot++) byLastThree[slot] ??= undefined;

// Five bits of each letter: upper and lower case fall together.
function lastThree(last: number, second: number, third: number): number {
  return ((last & 31) << 10) | ((second & 31) << 5) | (third & 31);
}

/** What the name that ends at `end` says of its value, or undefined. Looks at a bounded number of units before `end`. */
export function nameKind(u: Uint16Array, end: number): NameKind | undefined {
  if (end < 3) return undefined;
  const candidates = byLastThree[lastThree(u[end - 1] ?? 0, u[end - 2] ?? 0, u[end - 3] ?? 0)];
  if (candidates === undefined) return undefined;
  let best: { readonly kind: NameKind; readonly start: number } | undefined;
  for (const { text, kind, whole } of candidates) {
    const start = endsWith(u, end, text);
    if (start < 0 || (whole && isMidWord(u, start))) continue;
    if (text === 'token' && HARMLESS_TOKENS.some((word) => endsWith(u, start, word) >= 0)) return undefined;
    if (!best || start < best.start) best = { kind, start };
  }
  return best?.kind;
}

/** Where `word` starts if it ends at `end`, else -1. Case and single separators within are ignored. */
export function endsWith(u: Uint16Array, end: number, word: string): number {
  let at = end - 1;
  for (let i = word.length - 1; i >= 0; i--) {
    if (i < word.length - 1 && isJoint(u[at])) at--;
    if (at < 0 || ((u[at] ?? 0) | 0x20) !== word.charCodeAt(i)) {
      // The separator may stand before the word too: `next_` in `next_token`.
      if (i !== word.length - 1 || !isJoint(u[at])) return -1;
      at--;
      if (at < 0 || ((u[at] ?? 0) | 0x20) !== word.charCodeAt(i)) return -1;
    }
    at--;
  }
  return at + 1;
}

function isJoint(c: number | undefined): boolean {
  return c === 0x5f || c === 0x2d || c === 0x20 || c === 0x2e;
}

// A letter before, unless the case changes there: `userPass`, not `bypass`.
function isMidWord(u: Uint16Array, start: number): boolean {
  const before = u[start - 1];
  if (!isLetter(before)) return false;
  const upper = (u[start] ?? 0) < 0x5b;
  return !(upper && (before ?? 0) >= 0x61);
}
