// Credentials behind the name of their scheme: `Bearer …` (RFC 6750), `Basic …` (RFC 7617).
import type { Source } from './source.ts';

const BEARER = /^bearer$/i;
const BASIC = /^basic$/i;
const CREDENTIALS = / {1,4}([A-Za-z0-9._~+/%-]{1,4096}={0,2})/y;

/** Masks what follows `Bearer` at `start`…`end`, where it can be a token; returns its end, or 0. */
export function maskBearer(source: Source, start: number, end: number): number {
  if (!BEARER.test(source.text.slice(start, end))) return 0;
  const value = credentialsAt(source, end);
  if (value === undefined || value.length < 8) return 0;
  if (!/\d/.test(value) && (value.length < 20 || /^[a-z]+(?:[._-][a-z]+)*\.?$/i.test(value))) return 0;
  return source.hit(CREDENTIALS.lastIndex - value.length, CREDENTIALS.lastIndex, 'secret:bearer');
}

/** Masks what follows `Basic` at `start`…`end`, where it is `user:password` in Base64; returns its end, or 0. */
export function maskBasic(source: Source, start: number, end: number): number {
  if (!BASIC.test(source.text.slice(start, end))) return 0;
  const value = credentialsAt(source, end);
  if (value === undefined || value.length < 6) return 0;
  const decoded = Buffer.from(value, 'base64').toString('latin1');
  if (!/^[\x20-\x7e\xa0-\xff]{0,3000}$/.test(decoded) || !decoded.includes(':')) return 0;
  return source.hit(CREDENTIALS.lastIndex - value.length, CREDENTIALS.lastIndex, 'secret:basic');
}

function credentialsAt(source: Source, at: number): string | undefined {
  CREDENTIALS.lastIndex = at;
  return CREDENTIALS.exec(source.text)?.[1];
}
