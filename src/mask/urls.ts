// Secrets in addresses: passwords before the host, tokens that are part of a webhook's path.
import { lastMark, markEnd } from './marker.ts';
import type { Source } from './source.ts';
import { isAlnum, isDigit } from './units.ts';

const AT = 0x40;
const COLON = 0x3a;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const USERINFO_MAX = 256;

const WEBHOOKS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['slack', /hooks\.slack\.com\/(?:services|workflows|triggers)\/([\w/-]{16,200})/y],
  ['discord', /(?:[a-z]{2,6}\.)?discord(?:app)?\.com\/api\/(?:v[0-9]{1,2}\/)?webhooks\/([0-9]{15,22}\/[\w-]{40,100})/y],
  ['teams', /[a-z0-9-]{1,63}\.webhook\.office\.com\/webhookb?2?\/([\w@/-]{40,300})/y],
  ['zapier', /hooks\.zapier\.com\/hooks\/catch\/([\w/-]{8,80})/y],
  ['telegram', /api\.telegram\.org\/(?:file\/)?bot([0-9]{6,12}:[\w-]{30,50})/y],
];

/** Masks the password, or the webhook's token, of the address whose authority starts at `at`, behind `://`. Returns the end, or 0. */
export function maskUrl(source: Source, at: number): number {
  return maskUserinfo(source, at) || maskWebhook(source, at);
}

function maskWebhook(source: Source, at: number): number {
  const first = source.units[at];
  if (first === undefined || !isAlnum(first)) return 0;
  for (const [name, pattern] of WEBHOOKS) {
    pattern.lastIndex = at;
    const found = pattern.exec(source.text);
    const token = found?.[1];
    if (token !== undefined) return source.hit(pattern.lastIndex - token.length, pattern.lastIndex, `secret:${name}`);
  }
  return 0;
}

function maskUserinfo(source: Source, at: number): number {
  const u = source.units;
  const limit = Math.min(source.length, at + USERINFO_MAX);
  let colon = -1;
  let host = -1;
  let slash = -1;
  for (let i = at; i < limit; i++) {
    const c = u[i] ?? 0;
    if (c <= 0x20 || c === 0x22 || c === 0x27 || c === BACKSLASH || c === 0x3c || c === 0x3e || c === 0x60) break;
    if (c === COLON && colon < 0 && slash < 0) colon = i;
    else if (c === AT) {
      // A password may hold slashes that should have been escaped, but `host:8080/path/@scope` holds no password.
      if (slash < 0 || (colon > 0 && !isPort(source, colon, slash))) host = i;
      else break;
    } else if ((c === SLASH || c === 0x3f || c === 0x23) && slash < 0) {
      if (host > 0 || colon < 0) break;
      slash = i;
    }
  }
  if (host < 0 || lastMark(source.text, host - 40, host)?.end === host) return 0;
  if (colon < 0 || colon > host) return maskLoneUser(source, at, host);
  const start = colon + 1;
  if (start === host) return 0;
  return isTemplate(source.text.slice(start, host)) ? 0 : source.hit(start, host, 'secret:url');
}

function isPort(source: Source, colon: number, end: number): boolean {
  for (let i = colon + 1; i < end; i++) if (!isDigit(source.units[i])) return false;
  return true;
}

// `https://<key>@host`: a long user name without a password is a key (Sentry's addresses, tokens for git).
function maskLoneUser(source: Source, at: number, host: number): number {
  const user = source.text.slice(at, host);
  return user.length >= 20 && /^[\w-]+$/.test(user) && /\d/.test(user) ? source.hit(at, host, 'secret:url') : 0;
}

function isTemplate(text: string): boolean {
  return /^(?:\$\{[^}]*\}|\{\{[^}]*\}\}|<[^>]*>|\{[^}]*\}|\*+|\$[A-Z_]+|%s)$/.test(text);
}

const DSN = /@(?:tcp|unix|udp)\(/y;

// `jdbc:oracle:thin:scott/tiger@…`, `sqlplus scott/tiger@…`
const ORACLE = /(?:jdbc:oracle:[a-z0-9]{2,8}:|sqlplus(?: -[A-Za-z]{1,4}){0,3} |sqlldr )[\w$#"]{1,64}\/([^\s"'@/\\]{1,128})$/i;

/** Masks the password of `user:password@tcp(host)/db` and of Oracle's `user/password@host`, whose `@` stands at `at`; returns its end, or 0. */
export function maskDsn(source: Source, at: number): number {
  DSN.lastIndex = at;
  if (!DSN.test(source.text)) return maskOracle(source, at);
  if (lastMark(source.text, at - 40, at)?.end === at) return 0;
  const u = source.units;
  for (let i = at - 1; i >= Math.max(source.hitEnd, at - 128, 0); i--) {
    const c = u[i] ?? 0;
    if (c <= 0x20 || c === 0x22 || c === 0x27 || c === BACKSLASH) return 0;
    if (c === COLON) return i + 1 < at ? source.hit(i + 1, at, 'secret:url') : 0;
  }
  return 0;
}

function maskOracle(source: Source, at: number): number {
  const password = ORACLE.exec(source.text.slice(Math.max(0, at - 240), at))?.[1];
  if (password === undefined || lastMark(source.text, at - 40, at)?.end === at || isTemplate(password)) return 0;
  return source.hit(at - password.length, at, 'secret:url');
}

const CURL_USER = /\s+(["']?)[\w.@%+-]{1,64}:((?!\/\/)[^\s"'\\]{1,128})/y;

/** Masks the password of `-u user:password`, whose option ends at `at`; returns its end, or 0. */
export function maskUserOption(source: Source, at: number): number {
  CURL_USER.lastIndex = at;
  const found = CURL_USER.exec(source.text);
  const password = found?.[2];
  if (password === undefined || /^\d{1,5}$/.test(password)) return 0;
  const start = CURL_USER.lastIndex - password.length;
  return markEnd(source.text, start) > 0 || isTemplate(password) ? 0 : source.hit(start, CURL_USER.lastIndex, 'secret:password');
}
