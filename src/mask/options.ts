// Passwords behind short options of commands that are known to take one there: `mysql -psecret`, `sshpass -p secret`, `redis-cli -a secret`; cookies behind `curl -b`.
import { maskValueAt } from './assign.ts';
import { markEnd } from './marker.ts';
import type { Source } from './source.ts';
import { maskUserOption } from './urls.ts';
import { endOfBare, isPlaceholder } from './values.ts';

const COMMAND_REACH = 200;
/** Commands whose `-p` has its value glued to it. */
const GLUED = /\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mysqlshow|mariadb|mariadb-dump|mariadb-admin|mycli)\b/;
/** Commands with an option, and then its value. */
const APART: Readonly<Record<string, RegExp>> = {
  '-p': /\b(?:sshpass|(?:docker|podman|az|oc|helm registry|npm) login|kinit|ldapsearch|unzip|7z|mongo|mongosh|mongodump|mongorestore|snmpwalk)\b/,
  '-a': /\b(?:redis-cli|redis-benchmark)\b/,
  '-w': /\b(?:ldapsearch|ldapmodify|ldapadd)\b/,
};
/** Its `-a` takes a user and a password. */
const HTTPIE = /\bhttps? /;
const VALUE_MAX = 128;

/** Masks the password that the option `start`…`end` brings, where its command takes one so; returns its end, or 0. */
export function maskOption(source: Source, start: number, end: number): number {
  const { text, units: u } = source;
  if (u[start + 1] === 0x70 && end - start > 3 && GLUED.test(lead(source, start))) return mask(source, start + 2);
  if (end - start === 2 && u[start + 1] === 0x61 && u[end] === 0x20 && HTTPIE.test(lead(source, start))) return maskUserOption(source, end);
  if (end - start === 2 && u[start + 1] === 0x62 && u[end] === 0x20 && /\bcurl\b/.test(lead(source, start))) {
    return maskValueAt(source, { kind: 'cookie', end, quoted: false, slashes: 0 }, 'equals', end + 1);
  }
  const command = end - start === 2 && u[end] === 0x20 ? APART[text.slice(start, end)] : undefined;
  if (command === undefined || !command.test(lead(source, start))) return 0;
  const at = end + 1;
  const quoted = u[at] === 0x27 || u[at] === 0x22;
  return mask(source, quoted ? at + 1 : at);
}

// The command so far.
function lead({ text }: Source, start: number): string {
  const before = text.slice(Math.max(0, start - COMMAND_REACH), start);
  return before.slice(Math.max(...['|', ';', '\n', '"'].map((separator) => before.lastIndexOf(separator))) + 1);
}

function mask(source: Source, at: number): number {
  const end = endOfBare(source, at, VALUE_MAX);
  const held = source.text.slice(at, end);
  return end - at < 3 || held.startsWith('-') || isPlaceholder(held) || markEnd(source.text, at) > 0 ? 0 : source.hit(at, end, 'secret:password');
}
