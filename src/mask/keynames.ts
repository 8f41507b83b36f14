// Names that say that their value is a secret: `DB_PASSWORD`, `clientSecret`, `x-api-key`, `Authorization`. They are known by how they
// end, whatever separates their words, and are read backwards through a tree of letters.
import { ENDS_IN_ASCII } from './tongues.ts';
import { isLetter } from './units.ts';

/**
 * What a name says of its value. `password`: anything may be one, even a plain word. `secret`: keys and tokens. `authorization`: a
 * scheme and credentials. `cookie`: `name=value; …`. `code`: a few digits. `signature`: in a query only. `value`: see the name
 * beside it. `entropy`: only where the value looks random. `field`: a rule names it.
 */
export type NameKind = 'password' | 'secret' | 'authorization' | 'cookie' | 'code' | 'signature' | 'value' | 'entropy' | 'field';

/** In lower case and without separators. `whole`: a letter before it makes another word of it, as in `bypass`. */
interface Ending {
  readonly text: string;
  readonly kind: NameKind | 'harmless';
  readonly whole: boolean;
}

const KEYS_OF =
  'api app application access secret private signing encryption decryption master webhook service account shared auth license subscription admin deploy ssh rsa write ingest integration client tls ssl hmac jwt session aes cipher crypto functions fernet recovery consumer';

// `nextPageToken` leads to a page, `eos_token` ends a sentence: neither opens a door.
const HARMLESS_TOKENS =
  'next page continuation continue pagination scroll sync progress resume start end prev previous cursor cancellation cancel marker position max stop eos bos pad unk sep cls mask design per last first';

const endings: readonly Ending[] = [
  ...all('password passwd passphrase passwort motdepasse passord wachtwoord kennwort adgangskode contrasena senord jelszo', 'password'),
  ...all('pwd pw bindpw pass passcode pswd passw passwordhash passwdhash storepass keypass requirepass masterauth psk', 'password', 'whole'),
  // `ifre`: what is ASCII of the Turkish word, as `senord` above of the Swedish.
  ...all('senha heslo haslo sifre ifre', 'password', 'whole'),
  ...all('secret token secretvalue secrettext secretkeybase connectionstring', 'secret'),
  ...KEYS_OF.split(' ').flatMap((owner) => all(`${owner}key`, 'secret', 'whole')),
  ...all('credential credentials jwt bearer creds ssws honeycombteam', 'secret', 'whole'),
  ...all('authorization authorisation xauth', 'authorization', 'whole'),
  ...all('cookie cookies', 'cookie', 'whole'),
  ...all('otp totp cvv cvc pin cvvcode cvccode pincode mfacode otpcode securitycode', 'code', 'whole'),
  ...all('sig signature code', 'signature', 'whole'),
  ...all('value default', 'value', 'whole'),
  ...all('key auth pat salt seed', 'entropy', 'whole'),
  ...HARMLESS_TOKENS.split(' ').flatMap((word) => all(`${word}token`, 'harmless')),
];

function all(texts: string, kind: Ending['kind'], extent?: 'whole'): Ending[] {
  return texts.split(' ').map((text) => ({ text, kind, whole: extent === 'whole' }));
}

const LETTERS = 32;
// For each node of the tree, by five bits of the letter before, the next node; 0 where there is none.
const NEXT: number[] = new Array<number>(LETTERS).fill(0);
const ENDING_AT: (Ending | undefined)[] = [undefined];
for (const ending of endings) {
  let node = 0;
  for (let i = ending.text.length - 1; i >= 0; i--) {
    const slot = node * LETTERS + (ending.text.charCodeAt(i) & 31);
    if (NEXT[slot] === 0) {
      NEXT[slot] = ENDING_AT.length;
      ENDING_AT.push(undefined);
      for (let n = 0; n < LETTERS; n++) NEXT.push(0);
    }
    node = NEXT[slot] ?? 0;
  }
  ENDING_AT[node] = ending;
}
const TREE = Uint16Array.from(NEXT);

/** 1 where the last three letters of a name, five bits each, are those of a telling one, or of a cursor or a request's state. */
export const LAST_THREE = new Uint8Array(LETTERS ** 3);
for (const text of [...endings.map((ending) => ending.text), ...ENDS_IN_ASCII, 'cursor', 'state']) enter(LAST_THREE, text);

/** The same with the last letters of `names`, too. */
export function lastThreeWith(names: Iterable<string>): Uint8Array {
  const table = LAST_THREE.slice();
  for (const name of names) enter(table, name);
  return table;
}

function enter(table: Uint8Array, name: string): void {
  let slot = 0;
  for (let i = 1; i <= 3; i++) slot = (slot << 5) | (name.charCodeAt(name.length - i) & 31);
  // Before a shorter name, anything may stand.
  const free = Math.max(0, 3 - name.length) * 5;
  table.fill(1, slot, slot + (1 << free));
}

/** What the name that ends at `end` says of its value, or undefined. Looks at a bounded number of units before `end`. */
export function nameKind(u: Uint16Array, end: number): NameKind | undefined {
  let best: Ending | undefined;
  let node = 0;
  let joint = true;
  for (let at = end - 1; at >= 0; at--) {
    const c = u[at] as number;
    if (!isLetter(c)) {
      // One separator between two words, none at the end.
      if (joint || !isJoint(c)) break;
      joint = true;
      continue;
    }
    joint = false;
    node = TREE[node * LETTERS + (c & 31)] as number;
    if (node === 0) break;
    const ending = ENDING_AT[node];
    if (ending !== undefined && !(ending.whole && isMidWord(u, at))) best = ending;
  }
  return best === undefined || best.kind === 'harmless' ? undefined : best.kind;
}

function isJoint(c: number): boolean {
  return c === 0x5f || c === 0x2d || c === 0x20 || c === 0x2e;
}

// A letter before, unless the case changes there: `userPass`, not `bypass`.
function isMidWord(u: Uint16Array, start: number): boolean {
  const before = u[start - 1];
  if (!isLetter(before)) return false;
  return !((u[start] as number) < 0x5b && (before as number) >= 0x61);
}
