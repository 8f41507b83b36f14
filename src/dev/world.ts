// The made-up shop that the sandbox reports on: services, hosts, monitors, incidents. Deterministic by seed and clock; monitors can change.
import type { Clock } from '../base/clock.ts';
import { hex, pick, unit } from './seeded.ts';
import { makeSensitive, type Sensitive } from './sensitive.ts';

export interface Service {
  readonly name: string;
  readonly team: string;
  readonly language: string;
  readonly tier: 'critical' | 'high' | 'low';
}
export interface Host {
  readonly name: string;
  readonly service: string;
  readonly env: 'prod' | 'staging';
  readonly zone: string;
  readonly instanceType: string;
}
export interface Monitor {
  readonly id: number;
  readonly name: string;
  readonly type: 'metric alert' | 'log alert';
  readonly query: string;
  readonly status: 'OK' | 'Warn' | 'Alert';
  readonly tags: readonly string[];
  readonly muted: boolean;
  readonly mutedUntil: string | null;
}
export interface World {
  readonly seed: number;
  readonly clock: Clock;
  readonly services: readonly Service[];
  readonly hosts: readonly Host[];
  readonly sensitive: Sensitive;
  /** Live: muting and deleting change it. */
  readonly monitors: Map<number, Monitor>;
}

const SERVICES: readonly Service[] = [
  { name: 'web-storefront', team: 'storefront', language: 'nodejs', tier: 'critical' },
  { name: 'checkout', team: 'checkout', language: 'java', tier: 'critical' },
  { name: 'payments', team: 'payments', language: 'go', tier: 'critical' },
  { name: 'inventory', team: 'supply', language: 'python', tier: 'high' },
  { name: 'search', team: 'storefront', language: 'java', tier: 'high' },
  { name: 'shipping', team: 'supply', language: 'go', tier: 'high' },
  { name: 'notifications', team: 'messaging', language: 'nodejs', tier: 'low' },
  { name: 'fraud-score', team: 'payments', language: 'python', tier: 'critical' },
];
const ZONES = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
const INSTANCES = ['m7g.large', 'm7g.xlarge', 'c7g.2xlarge'];

export function makeWorld(seed: number, clock: Clock): World {
  const hosts = SERVICES.flatMap((service) => hostsOf(seed, service));
  return {
    seed,
    clock,
    services: SERVICES,
    hosts,
    sensitive: makeSensitive(seed),
    monitors: new Map(SERVICES.flatMap((s, i) => monitorsOf(seed, s, i)).map((m) => [m.id, m])),
  };
}

function hostsOf(seed: number, service: Service): Host[] {
  const count = { critical: 4, high: 3, low: 2 }[service.tier];
  return Array.from({ length: count }, (_, i) => ({
    name: `i-${hex(17, seed, 'host', service.name, i)}`,
    service: service.name,
    env: i === count - 1 ? 'staging' : 'prod',
    zone: pick(ZONES, seed, 'zone', service.name, i),
    instanceType: pick(INSTANCES, seed, 'instance', service.name),
  }));
}

function monitorsOf(seed: number, service: Service, index: number): Monitor[] {
  const id = 14_200_000 + Math.floor(unit(seed, 'monitor', service.name) * 90_000) + index * 100_000;
  const tags = [`service:${service.name}`, `team:${service.team}`, 'env:prod'];
  const status = (label: string) => pick(['OK', 'OK', 'OK', 'Warn', 'Alert'] as const, seed, 'status', service.name, label);
  return [
    {
      id,
      name: `[${service.name}] p95 latency is high`,
      type: 'metric alert',
      query: `avg(last_5m):p95:${service.name}.latency{env:prod} > 0.8`,
      status: status('latency'),
      tags,
      muted: false,
      mutedUntil: null,
    },
    {
      id: id + 1,
      name: `[${service.name}] too many errors in the log`,
      type: 'log alert',
      query: `logs("service:${service.name} status:error").index("*").rollup("count").last("15m") > 50`,
      status: status('errors'),
      tags,
      muted: false,
      mutedUntil: null,
    },
  ];
}
