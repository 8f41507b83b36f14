// The filter of a metric query, what stands between its braces: `env:prod, !host:a`, `env:prod AND (team:x OR team:y)`,
// `env IN (prod, staging)`. Source: Datadog docs, "Metrics: advanced filtering".
import { limits } from '../base/limits.ts';
import { globMatches } from './glob.ts';
import type { TextReader } from './text-reader.ts';

export type TagFilter =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'all' | 'any'; readonly of: readonly TagFilter[] }
  /** What narrows, but names no tag that must be there: a negation, a template variable, `*`. */
  | { readonly kind: 'other' };

/** Reads from behind the opening brace to behind the closing one. Throws `QueryFault`. */
export function readTagFilter(reader: TextReader): TagFilter {
  if (reader.eat('}')) return { kind: 'other' };
  const start = reader.at;
  const first = readTerm(reader, 0);
  if (reader.eat('}')) return first;
  if (reader.eat(',')) {
    // Whether OR binds closer than a comma nobody says: a mix of the two is not read.
    const of = [first];
    do of.push(readTerm(reader, 0));
    while (reader.eat(','));
    reader.expect('}');
    return { kind: 'all', of };
  }
  reader.at = start;
  const filter = readOr(reader, 0);
  reader.expect('}');
  return filter;
}

/** True where everything that passes the filter has a tag that matches `pattern`. */
export function guaranteesTag(filter: TagFilter, pattern: string): boolean {
  switch (filter.kind) {
    // A value with a star is covered where the pattern covers its star as well.
    case 'tag':
      return globMatches(pattern, filter.tag);
    case 'all':
      return filter.of.some((part) => guaranteesTag(part, pattern));
    case 'any':
      return filter.of.length > 0 && filter.of.every((part) => guaranteesTag(part, pattern));
    case 'other':
      return false;
    default:
      return filter satisfies never;
  }
}

const WORD = /[A-Za-z0-9_$@*.:/#+%~=|&;?<>\\-]+/y;
const AND = /AND(?![A-Za-z0-9_.:/-])/iy;
const OR = /OR(?![A-Za-z0-9_.:/-])/iy;
const NOT = /NOT(?![A-Za-z0-9_.:/-])/iy;
const IN = /IN(?![A-Za-z0-9_.:/-])/iy;

function readOr(reader: TextReader, depth: number): TagFilter {
  const of = [readAnd(reader, depth)];
  while (word(reader, OR)) of.push(readAnd(reader, depth));
  return of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'any', of };
}

function readAnd(reader: TextReader, depth: number): TagFilter {
  const of = [readTerm(reader, depth)];
  while (word(reader, AND)) of.push(readTerm(reader, depth));
  return of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'all', of };
}

function readTerm(reader: TextReader, depth: number): TagFilter {
  if (depth > limits.metricQueryDepthMax) throw reader.fault('the filter is nested too deep');
  if (reader.eat('!') || word(reader, NOT)) {
    readTerm(reader, depth + 1);
    return { kind: 'other' };
  }
  if (reader.eat('(')) {
    const inner = readOr(reader, depth + 1);
    reader.expect(')');
    return inner;
  }
  reader.skipSpace();
  const text = reader.take(WORD);
  if (text === undefined) throw reader.fault('expected a tag');
  const negated = word(reader, NOT);
  if (word(reader, IN)) {
    const values = readValues(reader);
    return negated ? { kind: 'other' } : { kind: 'any', of: values.map((value) => tagOf(`${text}:${value}`)) };
  }
  if (negated) throw reader.fault('expected IN');
  return tagOf(text);
}

// A template variable stands for what is not known here.
function tagOf(text: string): TagFilter {
  return text === '*' || text.includes('$') ? { kind: 'other' } : { kind: 'tag', tag: text };
}

function readValues(reader: TextReader): readonly string[] {
  reader.expect('(');
  const values: string[] = [];
  do {
    reader.skipSpace();
    const value = reader.take(WORD);
    if (value === undefined) throw reader.fault('expected a value');
    values.push(value);
  } while (reader.eat(','));
  reader.expect(')');
  return values;
}

function word(reader: TextReader, pattern: RegExp): boolean {
  reader.skipSpace();
  return reader.take(pattern) !== undefined;
}
