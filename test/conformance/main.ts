// `npm run conformance`: runs the MCP conformance suite directly and through mcprec, and compares the status of every check.
// `--quick`: in under 45 s a part of it. `--json`: prints only an array of measures. Ends with 1 where a check differs.
import { execFileSync } from 'node:child_process';
import { atLeast, atMost, type Measure, print } from '../eval/report.ts';
import { type Leg, type LegOutcome, LOGIN_REASON, legs, runLeg } from './legs.ts';
import type { Side } from './suite.ts';
import { ThroughGateway, throughForwarder } from './ways.ts';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
/** A suite that silently runs next to nothing would differ in nothing. */
const CHECKS_MIN = quick ? 280 : 900;

execFileSync(process.execPath, ['.config/build.js'], { stdio: ['ignore', 'ignore', 'inherit'] });
const say = (line: string): void => {
  if (!args.includes('--json')) console.log(line);
};
say('@modelcontextprotocol/conformance 0.2.0-alpha.12, directly and through mcprec; a warning of the suite counts as failed');
if (quick) say('--quick: a part only; the server side through forwarder and gateway, of the client side one scenario of each revision');

const measures: Measure[] = [];
const directOnly = new Set<string>();
let checks = 0;
let differences = 0;
{
  await using gateway = await ThroughGateway.start();
  if (quick) {
    const chosen = legs.filter((leg) => leg.quick?.length !== 0);
    const run = (side: Side) =>
      inTurn(
        chosen.filter((leg) => leg.side === side),
        (leg) => runLeg(leg, [gateway], leg.quick),
      );
    // Both sides at once; none of these scenarios measures time.
    const outcomes = (await Promise.all([run('server'), run('client')])).flat();
    for (const [leg, outcome] of outcomes) report(leg, outcome);
  } else {
    for (const leg of legs) report(leg, await runLeg(leg, [throughForwarder, gateway]));
  }
}
if (directOnly.size > 0) {
  say(`\nnot compared, the client's log-in: ${LOGIN_REASON}`);
  for (const scenario of directOnly) say(`  ${scenario}`);
}
measures.push(atLeast('checks compared', checks, 'checks', CHECKS_MIN), atMost('differences', differences, 'checks', 0));
if (args.includes('--json')) print(measures, args);
say(`\nchecks: ${checks}, differences: ${differences}`);
process.exitCode = measures.every(({ met }) => met) ? 0 : 1;

async function inTurn(some: readonly Leg[], run: (leg: Leg) => Promise<LegOutcome>): Promise<(readonly [Leg, LegOutcome])[]> {
  const outcomes: (readonly [Leg, LegOutcome])[] = [];
  for (const leg of some) outcomes.push([leg, await run(leg)]);
  return outcomes;
}

function report({ name }: Leg, { passed, failed, missed, ways, directOnly: alone }: LegOutcome): void {
  for (const scenario of alone) directOnly.add(scenario);
  say(`\n${name}: directly ${passed} passed, ${failed} failed, ${missed.length} of them scored`);
  for (const miss of missed) say(`  scored and not passed: ${miss}`);
  measures.push(atMost(`${name}: scored checks that fail directly`, missed.length, 'checks', 0));
  for (const [way, compared] of ways) {
    checks += compared.checks;
    differences += compared.differences.length;
    say(`  through ${way}: ${compared.checks} checks, ${compared.differences.length} differences`);
    for (const { scenario, check, direct, through, why } of compared.differences) {
      say(`    ${scenario} ${check}: directly ${direct}, through ${way} ${through}${why === undefined ? '' : ` (${why})`}`);
    }
    measures.push(atMost(`${name}: differences through ${way}`, compared.differences.length, 'checks', 0));
  }
}
