// Checks a value against a JSON Schema (2020-12, and draft-07 where it differs) that an upstream wrote: bounded in steps, and its patterns
// run on RE2, because neither schema nor value is ours. What it does not know, it takes for fulfilled.
import { compileRe2, isRe2, type Re2 } from '../base/re2.ts';
import { fitsFormat } from './json-formats.ts';

type Schema = boolean | { readonly [keyword: string]: unknown };

/** Where a value breaks its schema, and by which keyword; `steps` where that cannot be told within the bound. */
export interface SchemaFault {
  /** A JSON Pointer into the value. */
  readonly pointer: string;
  readonly keyword: string;
}

const STEPS_MAX = 500_000;
const DEPTH_MAX = 128;

/** The first fault of `value`, or undefined where it is valid. */
export function checkSchema(schema: unknown, value: unknown): SchemaFault | undefined {
  return new Check(schema).at(schema as Schema, value, '', 0);
}

class Check {
  readonly #root: unknown;
  readonly #patterns = new Map<string, Re2 | undefined>();
  #steps = 0;

  constructor(root: unknown) {
    this.#root = root;
  }

  at(schema: Schema, value: unknown, pointer: string, depth: number): SchemaFault | undefined {
    if (++this.#steps > STEPS_MAX || depth > DEPTH_MAX) return { pointer, keyword: 'steps' };
    if (schema === false) return { pointer, keyword: 'false' };
    if (!isObject(schema)) return undefined;
    const own = this.#scalar(schema, value);
    if (own !== undefined) return { pointer, keyword: own };
    return (
      this.#combined(schema, value, pointer, depth + 1) ??
      (Array.isArray(value) ? this.#array(schema, value, pointer, depth + 1) : isObject(value) ? this.#object(schema, value, pointer, depth + 1) : undefined)
    );
  }

  /** The keyword that the value itself breaks. */
  #scalar(schema: Record<string, unknown>, value: unknown): string | undefined {
    const { type, pattern, format } = schema;
    if (type !== undefined && ![type].flat().some((name) => isOfType(value, name))) return 'type';
    if (Array.isArray(schema.enum) && !schema.enum.some((one) => isEqual(one, value))) return 'enum';
    if ('const' in schema && !isEqual(schema.const, value)) return 'const';
    if (typeof value === 'number') return numberFault(schema, value);
    if (typeof value !== 'string') return undefined;
    const length = [...value].length;
    if (typeof schema.minLength === 'number' && length < schema.minLength) return 'minLength';
    if (typeof schema.maxLength === 'number' && length > schema.maxLength) return 'maxLength';
    if (typeof pattern === 'string' && this.#pattern(pattern)?.test(value) === false) return 'pattern';
    return typeof format === 'string' && !fitsFormat(format, value) ? 'format' : undefined;
  }

  #combined(schema: Record<string, unknown>, value: unknown, pointer: string, depth: number): SchemaFault | undefined {
    const fits = (one: unknown): boolean => this.at(one as Schema, value, pointer, depth) === undefined;
    const { $ref, allOf, anyOf, oneOf } = schema;
    if (typeof $ref === 'string') {
      const target = this.#resolve($ref);
      const fault = target === undefined ? undefined : this.at(target, value, pointer, depth);
      if (fault !== undefined) return fault;
    }
    for (const one of listOf(allOf)) {
      const fault = this.at(one as Schema, value, pointer, depth);
      if (fault !== undefined) return fault;
    }
    if (Array.isArray(anyOf) && !anyOf.some(fits)) return { pointer, keyword: 'anyOf' };
    if (Array.isArray(oneOf) && oneOf.filter(fits).length !== 1) return { pointer, keyword: 'oneOf' };
    if (schema.not !== undefined && fits(schema.not)) return { pointer, keyword: 'not' };
    if (schema.if === undefined) return undefined;
    const branch = fits(schema.if) ? schema.then : schema.else;
    return branch === undefined ? undefined : this.at(branch as Schema, value, pointer, depth);
  }

  #array(schema: Record<string, unknown>, values: readonly unknown[], pointer: string, depth: number): SchemaFault | undefined {
    // Draft-07 writes a tuple as `items`.
    const tuple = listOf(schema.prefixItems ?? schema.items);
    const rest = Array.isArray(schema.items) ? schema.additionalItems : schema.items;
    for (const [i, value] of values.entries()) {
      const item = i < tuple.length ? tuple[i] : rest;
      const fault = item === undefined ? undefined : this.at(item as Schema, value, `${pointer}/${i}`, depth);
      if (fault !== undefined) return fault;
    }
    if (schema.uniqueItems === true && new Set(values.map((value) => JSON.stringify(value))).size < values.length) return { pointer, keyword: 'uniqueItems' };
    if (schema.contains === undefined || schema.minContains === 0) return undefined;
    const found = values.some((value) => this.at(schema.contains as Schema, value, pointer, depth) === undefined);
    return found ? undefined : { pointer, keyword: 'contains' };
  }

  #object(schema: Record<string, unknown>, value: Record<string, unknown>, pointer: string, depth: number): SchemaFault | undefined {
    const properties = isObject(schema.properties) ? schema.properties : {};
    const patterns = Object.entries(isObject(schema.patternProperties) ? schema.patternProperties : {});
    for (const [key, one] of Object.entries(value)) {
      const place = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const named = Object.hasOwn(properties, key) ? [properties[key]] : [];
      const matched = patterns.filter(([pattern]) => this.#pattern(pattern)?.test(key) === true).map(([, inner]) => inner);
      const applying = named.length + matched.length > 0 ? [...named, ...matched] : [schema.additionalProperties];
      for (const inner of applying) {
        const fault = inner === undefined ? undefined : this.at(inner as Schema, one, place, depth);
        if (fault !== undefined) return fault;
      }
    }
    const missing = listOf(schema.required).find((key) => typeof key === 'string' && !Object.hasOwn(value, key));
    return missing === undefined ? undefined : { pointer, keyword: 'required' };
  }

  #pattern(source: string): Re2 | undefined {
    if (!this.#patterns.has(source)) {
      const compiled = compileRe2(source);
      this.#patterns.set(source, isRe2(compiled) ? compiled : undefined);
    }
    return this.#patterns.get(source);
  }

  /** A place in the same document; others are not fetched. */
  #resolve(ref: string): Schema | undefined {
    if (ref !== '#' && !ref.startsWith('#/')) return undefined;
    let node: unknown = this.#root;
    for (const part of ref.split('/').slice(1)) {
      const key = decodePointer(part);
      if ((!isObject(node) && !Array.isArray(node)) || !Object.hasOwn(node, key)) return undefined;
      node = (node as Record<string, unknown>)[key];
    }
    return node as Schema;
  }
}

function decodePointer(part: string): string {
  const unescaped = part.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(unescaped);
  } catch {
    return unescaped;
  }
}

function numberFault(schema: Record<string, unknown>, value: number): string | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (typeof minimum === 'number' && value < minimum) return 'minimum';
  if (typeof maximum === 'number' && value > maximum) return 'maximum';
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) return 'exclusiveMinimum';
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) return 'exclusiveMaximum';
  return typeof multipleOf === 'number' && value !== 0 && !Number.isInteger(value / multipleOf) ? 'multipleOf' : undefined;
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    case 'number':
    case 'string':
    case 'boolean':
      return typeOf(value) === type;
    default:
      return true;
  }
}

function typeOf(value: unknown): string {
  return typeof value;
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((value, i) => isEqual(value, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
