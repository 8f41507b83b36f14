// Keys of Azure services that Microsoft made recognisable ("identifiable secrets", Microsoft Security Utilities): random Base64 with a
// signature ten characters or so before its end. They are found from their end, or at their token where they have no padding.
import type { Source } from './source.ts';

const EQUALS = 0x3d;

/** 64 bytes: storage, Cosmos DB, API Management, Batch, Machine Learning. */
const LONG = /^[A-Za-z0-9+/]{76}(?:APIM|ACDb|\+ABa|\+AMC|\+ASt)[A-Za-z0-9+/]{5}[AQgw]==$/;
/** 32 bytes: IoT, Service Bus, Event Hubs, Relay, Redis. */
const SHORT = /^[A-Za-z0-9+/]{33}(?:AIoT|AzCa|\+ASb|\+AEh|\+ARm)[A-Za-z0-9+/]{6}=$/;
/** Its signature stands so far before a key's padding. */
const SIGNATURE_BACK = 10;
const LONG_UNITS = 88;
const SHORT_UNITS = 44;

/** Masks the key whose first `=` of padding stands at `at`; returns its end, or 0. */
export function maskAzurePadded(source: Source, at: number): number {
  const u = source.units;
  if (at < SIGNATURE_BACK || !mayBeSignature(u[at - SIGNATURE_BACK], u[at - SIGNATURE_BACK + 1])) return 0;
  const padding = u[at + 1] === EQUALS ? 2 : 1;
  const end = at + padding;
  const start = end - (padding === 2 ? LONG_UNITS : SHORT_UNITS);
  if (start < source.hitEnd || u[end] === EQUALS) return 0;
  const held = source.text.slice(start, end);
  return (padding === 2 ? LONG : SHORT).test(held) ? source.hit(start, end, 'secret:azure') : 0;
}

// `A…` or `+A`.
function mayBeSignature(first: number | undefined, second: number | undefined): boolean {
  return first === 0x41 || (first === 0x2b && second === 0x41);
}

/** Search, and Functions. */
export const AZURE_SEARCH = /[A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5}(?![\w-])/y;
export const AZURE_FUNCTION = /[\w-]{44}AzFu[\w-]{5}[AQgw](?:==)?(?![\w-])/y;
