import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { readMetricQuery } from '../../src/policy/metric-query.ts';
import type { QueryForm } from '../../src/policy/query-arguments.ts';
import { guaranteesTag } from '../../src/policy/tag-filter.ts';

function names(text: string, form: QueryForm = 'query'): readonly string[] | 'fault' {
  const read = readMetricQuery(text, form);
  return 'fault' in read ? 'fault' : read.map(({ metric }) => metric);
}

describe('the names in a query', () => {
  test.each([
    ['avg:checkout.latency{env:prod} by {host}.rollup(sum, 60) / sum:payments.total{*}', ['checkout.latency', 'payments.total']],
    ["top(avg:a.b{env:prod AND (x:y OR z:q)} by {host}, 10, 'mean', 'desc')", ['a.b']],
    ['default_zero(avg:a{host IN (a,b)})*100', ['a']],
    ['default_zero(avg:a{host NOT IN (a,b), !env:dev})', ['a']],
    ['-(avg:x{*} - avg:y{*}) / 2', ['x', 'y']],
    ['count(v: v<=10):trace.x{*}', ['trace.x']],
    ['p95:checkout.latency{$env, service:api-*}', ['checkout.latency']],
    ['system.cpu.user{*}', ['system.cpu.user']],
    ['avg:x{*}.as_count().rollup(avg, 60), avg:y{*}', ['x', 'y']],
    ["anomalies(avg:x{*}, 'basic', 2, direction='both')", ['x']],
    ['timeshift(sum:a{*}, -3600) + week_before(sum:b{*})', ['a', 'b']],
  ])('%s', (text, expected) => expect(names(text)).toEqual(expected));

  test.each(['', ' ', '1 + 2', 'a / b', 'query0 / query1', 'avg:$metric{*}', 'avg:x*{*}', 'avg:x', 'avg:x{*', 'avg:x{*}}', 'avg:x{*}junk', 'avg:1x{*}'])(
    'none in %j',
    (text) => expect(names(text)).toBe('fault'),
  );
  test.each(['avg:x{a,b OR c}', 'avg:x{host:a b}', 'avg:x{a:"}"}', 'avg:{*}', '{*}', 'avg:x{*} by host', "'avg:x{*}'", 'avg:x{*} # y', 'avg:x{*};avg:y{*}'])(
    'not for certain in %j',
    (text) => expect(names(text)).toBe('fault'),
  );
  test('a name that Datadog would cut', () => expect(names(`avg:${'x'.repeat(300)}{*}`)).toBe('fault'));
  test('nested or long beyond all use', () => {
    expect(names(`${'('.repeat(200)}avg:x{*}${')'.repeat(200)}`)).toBe('fault');
    expect(names(`avg:x{${'('.repeat(200)}a${')'.repeat(200)}}`)).toBe('fault');
    expect(names(`avg:x{*} ${'+ avg:x{*}'.repeat(limits.metricQueryLengthMax)}`)).toBe('fault');
  });
});

describe('a monitor', () => {
  test.each([
    ['avg(last_5m):avg:x.y{!env:dev, team:a} > 5', ['x.y']],
    ["avg(last_4h):anomalies(avg:x{*}, 'basic', 2, interval=60) >= 1", ['x']],
    ['change(avg(last_5m),last_1h):sum:x{*} by {host} < -1.5', ['x']],
  ])('%s', (text, expected) => expect(names(text, 'monitor')).toEqual(expected));
  test.each(['avg:x{*} > 5', 'avg(last_5m):avg:x{*}', 'logs("x").index("*").rollup("count").last("5m") > 1', '"a.check".over("*").last(2).count_by_status()'])(
    'none in %j',
    (text) => expect(names(text, 'monitor')).toBe('fault'),
  );
});

describe('tags that a filter leaves no way around', () => {
  test.each([
    ['{env:prod,team:a}', 'team:a', true],
    ['{env:prod AND team:a}', 'team:*', true],
    ['{env:prod OR team:a}', 'team:a', false],
    ['{(team:a AND x:y) OR team:b}', 'team:*', true],
    ['{!team:a}', 'team:a', false],
    ['{NOT team:a AND x:y}', 'team:a', false],
    ['{team IN (a,b)}', 'team:a', false],
    ['{team IN (a)}', 'team:a', true],
    ['{team NOT IN (a)}', 'team:a', false],
    ['{team:a*}', 'team:a', false],
    ['{team:a*}', 'team:a*', true],
    ['{$team}', 'team:*', false],
    ['{team:$x}', 'team:*', false],
    ['{*}', '*', false],
  ])('%s and %s: %s', (filter, pattern, expected) => {
    const read = readMetricQuery(`avg:x${filter}`, 'query');
    if ('fault' in read) throw new Error(read.fault);
    const [{ filter: tags } = { filter: undefined }] = read;
    expect(tags !== undefined && guaranteesTag(tags, pattern)).toBe(expected);
  });
});

// A grammar of its own writes queries of which it knows the names: none may be missed, whatever surrounds it.
const metric = fc.stringMatching(/^[a-z][a-z0-9_]{0,6}(\.[a-z0-9_]{1,5}){0,3}$/);
const tag = fc.stringMatching(/^[a-z]{1,4}:[a-z0-9/*-]{1,6}$/);
const filter = fc.oneof(
  fc.constant('*'),
  fc.array(tag, { minLength: 1, maxLength: 3 }).map((tags) => tags.join(', ')),
  fc.tuple(tag, tag).map(([a, b]) => `${a} AND NOT (${b} OR ${a})`),
);
interface Made {
  readonly text: string;
  readonly names: readonly string[];
}
const leaf = fc
  .record({
    metric,
    filter,
    aggregator: fc.constantFrom('avg:', 'sum:', 'p99:', ''),
    by: fc.constantFrom('', ' by {host}', ' by {host,env}'),
    roll: fc.constantFrom('', '.rollup(sum, 60)', '.as_count()', '.fill(zero)'),
  })
  .map(({ metric: name, filter: tags, aggregator, by, roll }): Made => ({ text: `${aggregator}${name}{${tags}}${by}${roll}`, names: [name] }));
const { query } = fc.letrec<{ query: Made }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc
      .tuple(tie('query'), fc.constantFrom(' + ', '-', ' * ', '/'), tie('query'))
      .map(([a, op, b]) => ({ text: `${a.text}${op}${b.text}`, names: [...a.names, ...b.names] })),
    tie('query').map((a) => ({ text: `(${a.text})`, names: a.names })),
    fc.tuple(fc.constantFrom('abs', 'top', 'default_zero', 'ewma_5'), tie('query')).map(([f, a]) => ({ text: `${f}(${a.text}, 10, 'mean')`, names: a.names })),
  ),
}));

test('no name of a query is missed', () => {
  fc.assert(
    fc.property(query, ({ text, names: made }) => {
      expect(names(text)).toEqual(made);
    }),
    { numRuns: 1000 },
  );
});

test('a query that was damaged names no fewer metrics, or is refused', () => {
  fc.assert(
    fc.property(query, fc.nat(), fc.string({ maxLength: 3 }), ({ text }, at, noise) => {
      const damaged = text.slice(0, at % (text.length + 1)) + noise + text.slice(at % (text.length + 1));
      const read = names(damaged);
      // Every brace that opens outside of quotes and parentheses of `by` belongs to a metric that was read.
      const opened =
        damaged
          .replace(/'[^']*'/g, '')
          .replace(/ ?by ?\{/g, '')
          .split('{').length - 1;
      if (read !== 'fault') expect(read.length).toBeGreaterThanOrEqual(opened);
    }),
    { numRuns: 1000 },
  );
});

test('any text at all is read or refused', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), fc.constantFrom<QueryForm>('query', 'monitor', 'name'), (text, form) => void names(text, form)),
    { numRuns: 2000 },
  );
});
