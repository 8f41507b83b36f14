import { expect, test } from 'vitest';
import { connectionAccess } from '../../src/policy/access.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { HEAD } from './support.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const { config } = parseConfig(
  `${HEAD}connections:
  prod-a: { kind: mcp, upstream: "https://a" }
  prod-b: { kind: mcp, upstream: "https://b" }
  lonely: { kind: mcp, upstream: "https://c" }
access:
  - { groups: [sre], connections: ["prod-*"], ttl: 30m }
  - { groups: [sre, oncall], connections: [prod-a], ttl: 4h }
  - { connections: [prod-b], ttl: 5m }
`,
  { file: 'gateway.yaml' },
);

test('whoever an entry names gets the longest time of the entries that name them', () => {
  expect(connectionAccess(config, ['sre'], 'prod-a', NOW)).toEqual({ kind: 'granted', ttlMs: 4 * 3_600_000 });
  expect(connectionAccess(config, ['sre'], 'prod-b', NOW)).toEqual({ kind: 'granted', ttlMs: 30 * 60_000 });
  expect(connectionAccess(config, [], 'prod-b', NOW)).toEqual({ kind: 'granted', ttlMs: 5 * 60_000 });
});

test('whoever none names is told which groups would be', () => {
  expect(connectionAccess(config, ['sales'], 'prod-a', NOW)).toEqual({ kind: 'denied', groups: ['sre', 'oncall'] });
  expect(connectionAccess(config, ['sre'], 'lonely', NOW)).toEqual({ kind: 'denied', groups: [] });
});

test('a connection that does not exist says which do', () => {
  const connections = ['prod-a', 'prod-b', 'lonely'];
  expect(connectionAccess(config, ['sre'], 'prod-c', NOW)).toEqual({ kind: 'unknown', connections });
  expect(connectionAccess(config, ['sre'], 'constructor', NOW)).toEqual({ kind: 'unknown', connections });
});
