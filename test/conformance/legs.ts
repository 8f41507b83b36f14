// The runs that are compared: one side of one revision with one of our fixtures, directly and on the ways through mcprec.
import { Closers } from '../../src/base/closers.ts';
import { type Comparison, compare, failures, tally } from './compare.ts';
import { type FixtureEndpoint, serveFixture } from './endpoint.ts';
import { legacyEndpoint } from './server-legacy.ts';
import { modernEndpoint } from './server-modern.ts';
import { Stage } from './stage.ts';
import { type Findings, type Revision, runSuite, type Side, scoredScenarios } from './suite.ts';
import { direct, type Way } from './ways.ts';

export interface Leg {
  readonly name: string;
  readonly side: Side;
  readonly revision: Revision;
  /** Only on the server side: what is tested. */
  readonly endpoint?: () => FixtureEndpoint;
  /** Where `--quick` does not run all of the requirements: what it runs. */
  readonly quick?: readonly string[];
  readonly scenarioMsMax?: number;
}

const CLIENT = `${process.execPath} ${new URL('client-child.ts', import.meta.url).pathname}`;

export const legs: readonly Leg[] = [
  { name: 'server, 2025-11-25, fixture on SDK v1', side: 'server', revision: '2025-11-25', endpoint: legacyEndpoint },
  { name: 'server, 2025-11-25, fixture on SDK v2', side: 'server', revision: '2025-11-25', endpoint: modernEndpoint, quick: [] },
  { name: 'server, 2026-07-28, fixture on SDK v2', side: 'server', revision: '2026-07-28', endpoint: modernEndpoint },
  { name: 'client, 2025-11-25, fixture on SDK v2', side: 'client', revision: '2025-11-25', quick: ['tools_call'] },
  { name: 'client, 2026-07-28, fixture on SDK v2', side: 'client', revision: '2026-07-28', quick: ['http-custom-headers'] },
];

export interface LegOutcome {
  readonly passed: number;
  readonly failed: number;
  /** Scored checks that did not pass directly. */
  readonly missed: readonly string[];
  /** By the name of the way. */
  readonly ways: ReadonlyMap<string, Comparison>;
  /** Scenarios that were run directly only. */
  readonly directOnly: readonly string[];
}

/**
 * Runs a leg directly and on each of the ways. With `scenarios` only those. The scenarios of a client's log-in are run directly
 * only: see `LOGIN_REASON`.
 */
export async function runLeg(leg: Leg, ways: readonly Way[], scenarios?: readonly string[]): Promise<LegOutcome> {
  const before = await runWay(leg, direct, scenarios);
  const directOnly = [...before.keys()].filter((scenario) => leg.side === 'client' && scenario.startsWith('auth/'));
  const compared: Findings = new Map([...before].filter(([scenario]) => !directOnly.includes(scenario)));
  const outcomes = new Map<string, Comparison>();
  // The suite's own `--requirements` would run the log-in too.
  const asked = scenarios ?? (leg.side === 'client' ? [...compared.keys()] : undefined);
  for (const way of ways) outcomes.set(way.name, compare(compared, await runWay(leg, way, asked)));
  const scored = scoredScenarios(leg).filter((scenario) => scenarios === undefined || scenarios.includes(scenario));
  return { ...tally(before), missed: failures(before, scored), ways: outcomes, directOnly };
}

/** Why no proxy can pass what is tested of a client's log-in. */
export const LOGIN_REASON =
  'a client binds its log-in to the origin that it was given: the protected-resource metadata, the resource indicator (RFC 8707) and the challenge name the upstream, ' +
  'so a correct client must refuse them from a proxy on another origin, which is a resource server of its own (RFC 9728)';

async function runWay({ side, revision, endpoint, scenarioMsMax }: Leg, way: Way, scenarios: readonly string[] | undefined): Promise<Findings> {
  await using opened = new Closers();
  const task = { side, revision, ...(scenarios && { scenarios }), ...(scenarioMsMax !== undefined && { scenarioMsMax }) };
  if (endpoint === undefined) {
    const stage = opened.use(await Stage.open(way));
    const findings = await runSuite(task, CLIENT, stage.env);
    stage.check();
    return findings;
  }
  const fixture = opened.use(await serveFixture(endpoint()));
  const open = opened.use(await way.open(fixture.url));
  return await runSuite(task, open.endpoint);
}
