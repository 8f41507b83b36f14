// A part of `npm run conformance`, for every run of the tests; the whole is in test/long.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { legs, runLeg } from './legs.ts';
import { ThroughGateway } from './ways.ts';

let gateway: ThroughGateway;
beforeAll(async () => {
  gateway = await ThroughGateway.start();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const parts: Readonly<Record<string, readonly string[]>> = {
  'server, 2025-11-25, fixture on SDK v1': ['server-sse-polling', 'tools-call-sampling', 'server-session-lifecycle'],
  'server, 2026-07-28, fixture on SDK v2': ['server-stateless', 'input-required-result-multi-round', 'http-custom-header-server-validation'],
  'client, 2025-11-25, fixture on SDK v2': ['sse-retry'],
  'client, 2026-07-28, fixture on SDK v2': ['http-custom-headers'],
};

test.each(legs.filter(({ name }) => name in parts))('$name', async (leg) => {
  const { missed, ways } = await runLeg(leg, [gateway], parts[leg.name]);
  expect(missed).toEqual([]);
  expect(ways.get(gateway.name)).toMatchObject({ differences: [] });
  expect(ways.get(gateway.name)?.checks).toBeGreaterThan(4);
});
