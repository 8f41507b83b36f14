// The metrics of the made-up shop: plausible daily curves with noise, a pure function of seed, name, host and time.
import { unit } from './seeded.ts';
import type { Host, World } from './world.ts';

const DAY_MS = 24 * 60 * 60_000;

interface Shape {
  readonly unit: string;
  readonly base: number;
  /** How far the day moves it, as a part of `base`. */
  readonly swing: number;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  latency: { unit: 'second', base: 0.24, swing: 0.35 },
  requests: { unit: 'request', base: 420, swing: 0.6 },
  errors: { unit: 'error', base: 3.2, swing: 0.5 },
  'queue.depth': { unit: 'item', base: 18, swing: 0.7 },
  'cpu.percent': { unit: 'percent', base: 46, swing: 0.4 },
};

export interface MetricQuery {
  readonly aggregate: string;
  readonly metric: string;
  /** Tags that all must hold, `env:prod`; empty for `*`. */
  readonly scope: readonly string[];
  readonly by: readonly string[];
}

export interface Series {
  readonly metric: string;
  readonly scope: string;
  readonly unit: string;
  /** Milliseconds since the epoch, value. */
  readonly points: readonly (readonly [number, number])[];
}

const QUERY = /^\s*(avg|sum|min|max|p50|p75|p90|p95|p99):([a-zA-Z][\w.]*)\{([^{}]*)\}(?:\s+by\s+\{([^{}]*)\})?\s*$/;

/** Reads `avg:checkout.latency{env:prod} by {host}`; undefined where it is anything else. */
export function parseMetricQuery(text: string): MetricQuery | undefined {
  const found = QUERY.exec(text);
  if (!found) return undefined;
  const [, aggregate = '', metric = '', scope = '', by = ''] = found;
  const list = (commas: string) =>
    commas
      .split(',')
      .map((t) => t.trim())
      .filter((t) => t !== '' && t !== '*');
  return { aggregate, metric, scope: list(scope), by: list(by) };
}

/** Every metric that has data, `checkout.latency`. */
export function metricNames(world: World): string[] {
  return world.services.flatMap((s) => Object.keys(SHAPES).map((k) => `${s.name}.${k}`));
}

/** The series of a query, one for each group; empty where the metric does not exist or the scope matches no host. */
export function querySeries(world: World, query: MetricQuery, fromMs: number, toMs: number, stepMs: number): Series[] {
  const service = world.services.find((s) => query.metric.startsWith(`${s.name}.`));
  const shape = service && SHAPES[query.metric.slice(service.name.length + 1)];
  if (!service || !shape) return [];
  const groups = new Map<string, Host[]>();
  for (const host of world.hosts) {
    const tags = tagsOf(host);
    if (host.service !== service.name || !query.scope.every((tag) => tags.includes(tag))) continue;
    const key = query.by.length === 0 ? query.scope.join(',') || '*' : query.by.map((b) => tags.find((t) => t.startsWith(`${b}:`)) ?? `${b}:N/A`).join(',');
    groups.set(key, [...(groups.get(key) ?? []), host]);
  }
  return [...groups].map(([scope, hosts]) => {
    const points: [number, number][] = [];
    for (let at = Math.ceil(fromMs / stepMs) * stepMs; at < toMs; at += stepMs) {
      points.push([
        at,
        combine(
          query.aggregate,
          hosts.map((host) => valueAt(world.seed, query.metric, shape, host, at)),
        ),
      ]);
    }
    return { metric: query.metric, scope, unit: shape.unit, points };
  });
}

function tagsOf(host: Host): string[] {
  return [`env:${host.env}`, `service:${host.service}`, `host:${host.name}`, `availability-zone:${host.zone}`];
}

function valueAt(seed: number, metric: string, shape: Shape, host: Host, atMs: number): number {
  const day = Math.sin(((atMs % DAY_MS) / DAY_MS - 0.3) * 2 * Math.PI);
  const lean = 0.85 + 0.3 * unit(seed, 'lean', metric, host.name);
  const noise = 0.92 + 0.16 * unit(seed, 'noise', metric, host.name, atMs);
  return shape.base * lean * noise * (1 + shape.swing * day);
}

function combine(aggregate: string, values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const sum = sorted.reduce((a, b) => a + b, 0);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  const value =
    aggregate === 'sum'
      ? sum
      : aggregate === 'min'
        ? at(0)
        : aggregate === 'max'
          ? at(1)
          : aggregate === 'avg'
            ? sum / sorted.length
            : at(Number(aggregate.slice(1)) / 100);
  return Number(value.toPrecision(6));
}
