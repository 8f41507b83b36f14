// The kinds of values in gateway.yaml: each is checked here and says in plain words what it should have been.
import { z } from 'zod';
import { fieldActions } from '../base/detectors.ts';
import { limits } from '../base/limits.ts';
import { isLoopback } from '../base/loopback.ts';
import type { HeaderSecret, SecretRef } from './config.ts';
import { parseDuration } from './duration.ts';

/** One line of text, not empty. */
export function line(lengthMax: number) {
  return z
    .string()
    .min(1)
    .max(lengthMax)
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line without control characters');
}

/** A pattern in which `*` stands for any characters and everything else for itself. */
export const glob = line(limits.patternLengthMax);
export const globs = z.array(glob);
/** A list where leaving it out is how to say "any" and an empty one would never match. */
export const someGlobs = z.array(glob).min(1, 'is empty and matches nothing; leave it out for any');

/** A place in an answer: a bare key name, or steps from the root: `$.a.b`, `$..user.*`, `$.list[0]`. */
export const fieldPath = line(limits.patternLengthMax).regex(
  /^(?:[^$].*|\$(?:\.\.?(?:\*|[^.*[\]\s]+)|\[(?:\*|[0-9]+|'[^']+'|"[^"]+")\])+)$/,
  'must be a key name, or a path such as $..password or $..attributes.user.*',
);

/** Places that are masked, and what becomes of the value there. */
export const maskFields = z.array(
  z.strictObject({
    path: fieldPath.describe('A place: "$..password", "$..attributes.user.*", or a bare key name.'),
    as: z.enum(fieldActions).default('redact').describe('What becomes of the value.'),
  }),
);

/** A place in the arguments of a tool: `query`, `queries[*].expression`. */
export const argumentPath = line(200).regex(/^[^.*[\]\s]+(?:\[\*\])?(?:\.[^.*[\]\s]+(?:\[\*\])?)*$/, 'must be a path such as query, or queries[*].expression');

/** Groups are compared whole: a pattern here would one day match a group that nobody thought of. */
export const groups = z
  .array(line(300).refine((name) => !name.includes('*'), 'groups are whole names, not patterns; leave `groups` out for everyone'))
  .min(1, 'is empty and matches nobody; leave it out for everyone');

/** An expression of CEL; what is wrong with it is found where the whole file is read. */
export const condition = z.string().min(1).max(limits.conditionLengthMax);

/** `08:30`; `24:00` is the end of a day. */
export const timeOfDay = z
  .string('must be a time such as "08:30", in quotes')
  .regex(/^((?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, 'must be a time such as "08:30"');

/** The name of a time zone, as this machine knows it. */
export const timeZone = line(100).refine(isTimeZone, 'is no time zone; write one such as Europe/Berlin or UTC');

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

/** A duration such as `1h`; the schema's output is milliseconds. */
export function duration(msMax: number, atMost: string) {
  return z
    .string('must be a duration such as 45s, 30m or 1h')
    .regex(/^[1-9][0-9]{0,8}(ms|s|m|h|d)$/, { message: 'must be a duration such as 45s, 30m or 1h', abort: true })
    .refine((value) => (parseDuration(value) ?? 0) <= msMax, `must be ${atMost} at most`);
}

/** `env:NAME` or `file:/path`. The message never repeats the value: it may be a secret written in the wrong place. */
export const secretRef = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:[^\u0000-\u001f]+)$/, 'must be env:NAME or file:/path; a secret itself is never written in this file');

/** The same for a header, which may have a scheme in front: `Bearer env:TOKEN`. */
export const headerSecret = z
  .string()
  .regex(
    /^([A-Za-z][A-Za-z0-9-]* )?(env:[A-Za-z_][A-Za-z0-9_]*|file:[^\u0000-\u001f]+)$/,
    'must be env:NAME or file:/path, with a scheme in front where the header needs one (Bearer env:NAME); a secret itself is never written in this file',
  );

/** Reads a checked `env:NAME` or `file:/path`. */
export function readSecretRef(value: string): SecretRef {
  return value.startsWith('env:') ? { kind: 'env', name: value.slice(4) } : { kind: 'file', path: value.slice(5) };
}

/** Reads a checked header secret. */
export function readHeaderSecret(value: string): HeaderSecret {
  const scheme = /^([A-Za-z][A-Za-z0-9-]*) /.exec(value)?.[1];
  if (scheme === undefined) return { ref: readSecretRef(value) };
  return { scheme, ref: readSecretRef(value.slice(scheme.length + 1)) };
}

interface UrlRules {
  /** Plain http only to this machine. */
  readonly secure?: true;
  /** Scheme, host and port, no path. */
  readonly originOnly?: true;
}

/** An http(s) URL without credentials, query or fragment. */
export function url(rules: UrlRules = {}) {
  return line(2000).superRefine((value, context) => {
    const problem = urlProblem(value, rules);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });
}

function urlProblem(value: string, rules: UrlRules): string | undefined {
  const parsed = URL.parse(value);
  if (parsed === null || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) return 'must be an http:// or https:// URL';
  if (parsed.username !== '' || parsed.password !== '') return 'must not hold a user or a password; use credential.headers';
  if (value.includes('?')) return 'must have no query; use upstream_query where the connection has one';
  if (value.includes('#')) return 'must have no fragment';
  if (rules.originOnly && parsed.pathname !== '/') return 'must be scheme, host and port only, without a path';
  if (rules.secure && parsed.protocol === 'http:' && !isLoopback(parsed.hostname)) return 'must be https:// (plain http only on this machine)';
  return undefined;
}
