// Puts what the schema found into words: what is wrong, what is allowed, what was probably meant.
import type { z } from 'zod';
import { nearestWord } from '../base/suggest.ts';
import type { Path } from './position.ts';
import { configJsonSchema } from './schema.ts';

export interface Finding {
  readonly path: Path;
  /** True where the key at the end of `path` is what is wrong, not its value. */
  readonly atKey: boolean;
  readonly message: string;
  /** Where in the text at `path`, in UTF-16 units; its beginning where left out. */
  readonly offset?: number;
}

/** Keys of the policy language that this version does not have: better said than guessed at. */
const unsupported = new Set(['agent']);

/** Words for the messages that the schema does not bring itself; for zod's `error` option. */
export function defaultMessage(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return 'is missing';
  if (issue.input === null) return 'has no value';
  if (issue.code === 'invalid_type') return `must be ${kinds[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `must be ${oneOf(issue.values.map(String))}`;
  if (issue.code === 'invalid_union') return 'has none of the forms that it can have here';
  if (issue.code === 'too_small') return 'must not be empty';
  if (issue.code === 'too_big') return `is too long: at most ${issue.maximum}`;
  return undefined;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text (in quotes where it looks like a number)',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
};

/** The findings in a schema error. */
export function findingsOf(error: z.ZodError, raw: unknown, schema: object = configJsonSchema()): readonly Finding[] {
  return error.issues.flatMap((issue) => findings(issue, raw, schema));
}

function findings(issue: z.core.$ZodIssue, raw: unknown, schema: object): readonly Finding[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], allowedKeys(path, raw, schema)));
  if (issue.code === 'invalid_key') return [{ path, atKey: true, message: `${named(path)}: ${issue.issues[0]?.message ?? 'is not a valid name'}` }];
  const value = valueAt(raw, path);
  if (issue.code === 'invalid_union' && issue.discriminator === undefined) {
    const inner = nearestBranch(issue.errors, value);
    if (inner.length > 0) return inner.flatMap((below) => findings({ ...below, path: [...issue.path, ...below.path] }, raw, schema));
  }
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    const options = 'options' in issue ? (issue.options ?? []).map(String) : [];
    const message = value === undefined ? `is missing; it must be ${oneOf(options)}` : `must be ${oneOf(options)}${guess(value, options)}`;
    return [{ path, atKey: false, message: `${named(path)}: ${message}` }];
  }
  const hint = issue.code === 'invalid_value' ? guess(value, issue.values.map(String)) : '';
  return [{ path, atKey: false, message: `${named(path)}: ${issue.message}${hint}` }];
}

/** What is wrong in the branch of a union that has the form of the value: nobody is helped by what the others say of it. */
function nearestBranch(branches: readonly (readonly z.core.$ZodIssue[])[], value: unknown): readonly z.core.$ZodIssue[] {
  const deep = branches.filter((issues) => issues.some(({ path, code }) => path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_value')));
  const alike = deep.find((issues) => issues.every(({ path }) => (typeof path[0] === 'number') === Array.isArray(value)));
  return alike ?? deep[0] ?? [];
}

function unknownKey(path: Path, allowed: readonly string[]): Finding {
  const key = String(path.at(-1));
  const where = path.length > 1 ? ` in ${named(path.slice(0, -1))}` : '';
  const better = unsupported.has(key) ? '; this version does not support it' : guess(key, allowed);
  const list = allowed.length > 0 ? `; allowed here: ${allowed.join(', ')}` : '';
  return { path, atKey: true, message: `unknown key "${key}"${where}${better}${list}` };
}

function guess(value: unknown, allowed: readonly string[]): string {
  const near = typeof value === 'string' ? nearestWord(value, allowed) : undefined;
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`;
}

/** A path as a reader of the file would write it: `access[0].groups`. */
export function named(path: Path): string {
  if (path.length === 0) return 'the file';
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i > 0 ? '.' : ''}${step}`)).join('');
}

function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[String(step)];
  }
  return value;
}

interface JsonSchemaNode {
  readonly properties?: Readonly<Record<string, JsonSchemaNode>>;
  readonly additionalProperties?: JsonSchemaNode | boolean;
  readonly items?: JsonSchemaNode;
  readonly oneOf?: readonly JsonSchemaNode[];
  readonly anyOf?: readonly JsonSchemaNode[];
  readonly const?: unknown;
}

// The JSON Schema says which keys are allowed where; walking it needs no knowledge of the schema library's insides.
function allowedKeys(path: Path, raw: unknown, schema: object): readonly string[] {
  let node: JsonSchemaNode | undefined = schema as JsonSchemaNode;
  for (const [i, step] of path.entries()) {
    node = typeof step === 'number' ? node?.items : childNode(node, step);
    if (node?.oneOf) {
      const kind = valueAt(raw, [...path.slice(0, i + 1), 'kind']);
      node = node.oneOf.find((option) => option.properties?.kind?.const === kind);
    }
    const isList = Array.isArray(valueAt(raw, path.slice(0, i + 1)));
    node = node?.anyOf?.find((option) => (isList ? option.items : option.properties)) ?? node;
  }
  return Object.keys(node?.properties ?? {});
}

function childNode(node: JsonSchemaNode | undefined, key: string): JsonSchemaNode | undefined {
  const more = node?.additionalProperties;
  return node?.properties?.[key] ?? (typeof more === 'object' ? more : undefined);
}
