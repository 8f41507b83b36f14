// Private keys in PEM (RFC 7468), in lines or with `\n` written out at any depth.
import type { Source } from './source.ts';

const BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/y;
const END = '-----END';
const END_LINE = /-----END [A-Z0-9 ]{0,40}-----/y;
const KEY_MAX = 32_768;
const BODY = /[A-Za-z0-9+/=\s\\:,.-]{0,32768}/y;

/** Remembers the next end line, so that many beginnings without an end cost one search. */
export class PemReader {
  #endAt = -1;

  /** Masks the private key that begins at `at`; one that does not end, as far as it goes. Returns its end, or 0. */
  mask(source: Source, at: number): number {
    BEGIN.lastIndex = at;
    if (!BEGIN.test(source.text)) return 0;
    const body = BEGIN.lastIndex;
    if (this.#endAt < body) {
      const found = source.text.indexOf(END, body);
      this.#endAt = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    if (this.#endAt - body <= KEY_MAX) {
      END_LINE.lastIndex = this.#endAt;
      if (END_LINE.test(source.text)) return source.hit(at, END_LINE.lastIndex, 'secret:pem');
    }
    BODY.lastIndex = body;
    BODY.test(source.text);
    let end = BODY.lastIndex;
    // Not into the backslash that escapes what follows.
    while (end > body && source.units[end - 1] === 0x5c) end--;
    return source.hit(at, end, 'secret:pem');
  }
}
