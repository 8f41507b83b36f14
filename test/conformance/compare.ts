// Compares what the suite found on two ways, check by check. Pure.
import type { Check, Findings } from './suite.ts';

export interface Difference {
  readonly scenario: string;
  readonly check: string;
  /** Its statuses in order, `absent` where there are none: an id may stand for several checks of one scenario. */
  readonly direct: string;
  readonly through: string;
  /** What the suite says about it. */
  readonly why: string | undefined;
}

export interface Comparison {
  readonly checks: number;
  readonly differences: readonly Difference[];
}

/** Every check of either side. Those of one id and name are compared in the order in which they were written down. */
export function compare(direct: Findings, through: Findings): Comparison {
  let checks = 0;
  const differences: Difference[] = [];
  for (const scenario of new Set([...direct.keys(), ...through.keys()])) {
    const [one, other] = [grouped(direct.get(scenario)), grouped(through.get(scenario))];
    for (const check of new Set([...one.keys(), ...other.keys()])) {
      const [before = [], after = []] = [one.get(check), other.get(check)];
      checks += Math.max(before.length, after.length);
      const [was, is] = [statusesOf(before), statusesOf(after)];
      if (was === is) continue;
      const why = [...after, ...before].find(({ errorMessage }) => errorMessage !== undefined)?.errorMessage;
      differences.push({ scenario, check, direct: was, through: is, why });
    }
  }
  return { checks, differences };
}

/** How many checks passed and failed. A warning is what a SHOULD of the specification that was not met is. */
export function tally(findings: Findings): { readonly passed: number; readonly failed: number } {
  const all = [...findings.values()].flat();
  return { passed: all.filter(({ status }) => status === 'SUCCESS').length, failed: all.filter(isFailed).length };
}

/** The checks of these scenarios that did not pass, and scenarios that were not run at all. */
export function failures(findings: Findings, scenarios: readonly string[]): readonly string[] {
  return scenarios.flatMap((scenario) => {
    const checks = findings.get(scenario) ?? [];
    if (!checks.some(({ status }) => status === 'SUCCESS')) return [`${scenario}: nothing passed`];
    return checks.filter(isFailed).map(({ id, status, errorMessage }) => `${scenario} ${id}: ${status} ${errorMessage ?? ''}`);
  });
}

function isFailed({ status }: Check): boolean {
  return status === 'FAILURE' || status === 'WARNING';
}

function grouped(checks: readonly Check[] = []): ReadonlyMap<string, readonly Check[]> {
  return Map.groupBy(checks, ({ id, name }) => `${id} ${name}`);
}

function statusesOf(checks: readonly Check[]): string {
  return checks.length === 0 ? 'absent' : checks.map(({ status }) => status).join(' ');
}
