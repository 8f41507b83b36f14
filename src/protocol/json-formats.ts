// The formats of JSON Schema that say how a string is spelled, as the validators of MCP clients check them. Roughly: a mask must be told
// from what it replaced, not every wrong date from a right one.
import { isIPv4, isIPv6 } from 'node:net';

const formats: Readonly<Record<string, (value: string) => boolean>> = {
  email: isEmail,
  'idn-email': isEmail,
  ipv4: isIPv4,
  ipv6: isIPv6,
  uri: isUri,
  iri: isUri,
  url: isUri,
  'uri-reference': (value) => !/[[\]\s<>"{}|\\^`]/.test(value.replace(/^([a-z][a-z0-9+.-]{0,40}:)?\/\/(?:[^/@]*@)?\[[0-9a-f:.]+\]/i, '')),
  hostname: isHostname,
  'idn-hostname': (value) => /^[\p{L}\p{N}\p{M}.-]{1,253}$/u.test(value),
  uuid: (value) => /^(?:urn:uuid:)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(value),
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value),
  time: (value) => /^\d\d:\d\d:\d\d/.test(value),
  'date-time': (value) => /^\d{4}-\d\d-\d\d[T\s]\d\d:\d\d:\d\d/i.test(value),
  duration: (value) => /^P[0-9TYMWDHS.]{1,60}$/.test(value),
  byte: (value) => /^[A-Za-z0-9+/]*={0,2}$/.test(value),
};

/** True where `value` is spelled as `format` says, or the format is not known. */
export function fitsFormat(format: string, value: string): boolean {
  return Object.hasOwn(formats, format) ? formats[format]?.(value) === true : true;
}

function isEmail(value: string): boolean {
  const at = value.lastIndexOf('@');
  return at > 0 && !/[[\]\s<>(),;:\\]/.test(value) && at < value.length - 1;
}

function isHostname(value: string): boolean {
  return value.length <= 253 && value.split('.').every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label));
}

function isUri(value: string): boolean {
  if (!/^[a-z][a-z0-9+.-]{0,40}:/i.test(value)) return false;
  return !/[[\]\s<>"{}|\\^`]/.test(value.replace(/^[a-z][a-z0-9+.-]{0,40}:\/\/(?:[^/@]*@)?\[[0-9a-f:.]+\]/i, ''));
}
