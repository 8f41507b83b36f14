import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { incidentsOf } from '../../src/dev/incidents.ts';
import { searchLogs } from '../../src/dev/logs.ts';
import { metricNames, parseMetricQuery, querySeries } from '../../src/dev/metrics.ts';
import { everySensitiveValue } from '../../src/dev/sensitive.ts';
import { makeWorld } from '../../src/dev/world.ts';

const nowMs = Date.UTC(2026, 10, 22, 10);
const clock: Clock = { wallMs: () => nowMs, monoUs: () => 0 };
const world = makeWorld(7, clock);
const lastHour = { fromMs: nowMs - 3_600_000, toMs: nowMs };

function passesLuhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const doubled = Number(digit) * (i % 2 === 0 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}

describe('the same seed and clock tell the same story', () => {
  test('and another seed another', () => {
    const tell = (w: ReturnType<typeof makeWorld>) =>
      JSON.stringify([w.hosts, [...w.monitors], incidentsOf(w), searchLogs(w, { query: 'status:error', ...lastHour, limit: 20 })]);
    expect(tell(makeWorld(7, clock))).toBe(tell(world));
    expect(tell(makeWorld(8, clock))).not.toBe(tell(world));
  });

  test('a stretch of log read in two parts is the stretch read at once', () => {
    const half = nowMs - 60_000;
    const read = (fromMs: number, toMs: number) => searchLogs(world, { query: '*', fromMs, toMs, limit: 100_000 }).lines;
    expect([...read(half, nowMs), ...read(nowMs - 120_000, half)]).toEqual(read(nowMs - 120_000, nowMs));
  });
});

test('a search finds what it asks for, newest first', () => {
  const { lines } = searchLogs(world, { query: 'service:checkout status:error env:prod timeout', ...lastHour, limit: 50 });
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) {
    expect(line).toMatchObject({ service: 'checkout', status: 'error' });
    expect(line.message).toContain('timeout');
    expect(line.traceId).toMatch(/^[0-9a-f]{32}$/);
  }
  expect(lines.map((l) => l.timestamp)).toEqual(
    lines
      .map((l) => l.timestamp)
      .toSorted()
      .toReversed(),
  );
  expect(searchLogs(world, { query: 'service:checkout -service:checkout', ...lastHour, limit: 5 }).lines).toEqual([]);
});

test('a metric query groups and aggregates; hosts of another environment stay out', () => {
  const query = parseMetricQuery('avg:checkout.latency{env:prod} by {host}');
  expect(query).toEqual({ aggregate: 'avg', metric: 'checkout.latency', scope: ['env:prod'], by: ['host'] });
  if (!query) return;
  const byHost = querySeries(world, query, lastHour.fromMs, lastHour.toMs, 60_000);
  expect(byHost.map((s) => s.scope)).toEqual(world.hosts.filter((h) => h.service === 'checkout' && h.env === 'prod').map((h) => `host:${h.name}`));
  const valuesAt = byHost.map((s) => s.points[5]?.[1] ?? 0);
  const combined = (aggregate: string) => querySeries(world, { ...query, aggregate, by: [] }, lastHour.fromMs, lastHour.toMs, 60_000)[0]?.points[5]?.[1];
  expect(combined('max')).toBe(Math.max(...valuesAt));
  expect(combined('min')).toBe(Math.min(...valuesAt));
  expect(combined('sum')).toBeCloseTo(
    valuesAt.reduce((a, b) => a + b),
    4,
  );
  expect(metricNames(world)).toContain('checkout.latency');
  expect(parseMetricQuery('avg:checkout.latency')).toBeUndefined();
});

test('the sensitive values are well-formed', () => {
  for (const number of world.sensitive.card) expect(passesLuhn(number)).toBe(true);
  expect(world.sensitive.ip.every((ip) => /^203\.0\.113\.\d{1,3}$/.test(ip))).toBe(true);
  const all = everySensitiveValue(world.sensitive);
  expect(new Set(all).size).toBe(all.length);
  const told = JSON.stringify(incidentsOf(world));
  expect(all.filter((value) => told.includes(value)).length).toBeGreaterThan(20);
});
