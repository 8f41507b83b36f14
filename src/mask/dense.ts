// Values that look random, under names that promise a key only now and then: `FERNET_KEY=…`, `"auth": "…"`, `AccountKey=…`.
import type { Name } from './assign.ts';
import { planTuple } from './calls.ts';
import type { Source } from './source.ts';
import { BARE_SEEN, closingQuote, endOfBare } from './values.ts';

const DOUBLE = 0x22;
const SINGLE = 0x27;

// Keys that open nothing.
const HARMLESS_KEY =
  /(?:public|pub|websocket|cache|partition|primary|foreign|sort|routing|dedup|dedupe|idempotency|hash|shard|index|lookup|object|s3|bucket|group|row|range|translation|message|search|event|record|item|entity|tenant|project|issue|registry|config|map|node|tree|block|merge|join|unique|query|session_cache|metric|image|file)[_-]?key$/i;

const PUBLIC_KEY = /pub(?:lic)?[_-]?key$/i;

/** Masks the value at `at` (its quote, if any, at `open`) where it looks random and its name is that of a variable of the environment; returns its end, or 0. */
export function maskEntropy(source: Source, name: Name, at: number, open: number): number {
  const u = source.units;
  const isQuoted = u[open] === DOUBLE || u[open] === SINGLE;
  const start = isQuoted ? open + 1 : at;
  if (open !== at && !isQuoted) return 0;
  if (u[at] === 0x28) {
    if (/auth$/i.test(source.text.slice(name.end - 4, name.end))) planTuple(source, at);
    return 0;
  }
  const end = isQuoted ? closingQuote(source, open, open - at) : endOfBare(source, at, BARE_SEEN);
  const held = source.text.slice(start, end);
  if (!/^[A-Za-z0-9+/_-]{20,200}={0,2}$/.test(held) || !isDense(held)) return 0;
  const label = source.text.slice(Math.max(0, name.end - 48), name.end);
  // Keys of Azure's storage and message services are 32 or 64 bytes in Base64.
  const azure = /^(?:[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=)$/.test(held) && /key$/i.test(label) && !PUBLIC_KEY.test(label);
  const named =
    /(?:^|[^A-Za-z0-9_])(?:[A-Z][A-Z0-9]*_)+(?:KEY|PAT|AUTH|SALT|SEED)$|(?:^|[^A-Za-z])(?:_auth|auth|pat|PAT)$|(?:^|[^\w-])(?:[A-Z][A-Za-z0-9]*-)+Key$/.test(
      label,
    );
  return azure || (named && !HARMLESS_KEY.test(label)) ? source.hit(start, end, 'secret:key') : 0;
}

/** True for what no one would have chosen: 32 hexadecimal digits and more, or both cases and digits well mixed. */
export function isDense(held: string): boolean {
  if (/^[0-9a-f]{32,}$/i.test(held)) return /[a-f]/i.test(held) && /\d/.test(held);
  if (/^[a-z2-7]{40,}$/.test(held)) return /\d/.test(held);
  return /[a-z]/.test(held) && /[A-Z]/.test(held) && (/\d/.test(held) || held.length >= 32) && new Set(held).size >= 14;
}
