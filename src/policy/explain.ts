// Says why policy decides as it does: which access entries and rules concern a call, and which of them won. Tries each one
// by itself, so it is slow and simple; what it says won is what `decide` says.
import { concerns, inGroups } from './access.ts';
import type { Call, Decision } from './call.ts';
import { compileProjection } from './compile.ts';
import type { AccessEntry, GatewayConfig, Rule } from './config.ts';
import { projectPolicy } from './projection.ts';

export interface Step {
  /** `access[0]`, or the rule's id. */
  readonly name: string;
  readonly verdict: 'grants' | 'grants not' | 'denies' | 'does not match' | 'not for these groups' | 'not for this connection';
  /** Why an access entry that concerns the caller grants nothing. */
  readonly reason?: string;
}

export interface Explanation {
  readonly decision: Decision;
  readonly access: readonly Step[];
  readonly rules: readonly Step[];
}

/** The decision on `call` by a person in `groups` on `connection`, and what each part of the policy said. Throws `not_found`. */
export function explainDecision(config: GatewayConfig, groups: readonly string[], connection: string, call: Call): Explanation {
  const projection = projectPolicy(config, groups, connection);
  const decision = compileProjection(projection).decide(call);
  const alone = (part: Pick<GatewayConfig, 'access' | 'rules'>) => compileProjection(projectPolicy({ ...config, ...part }, groups, connection)).decide(call);

  const access = config.access.map((entry, i): Step => {
    const name = `access[${i}]`;
    const scope = concern(entry, groups, connection);
    if (scope !== undefined) return { name, verdict: scope };
    const verdict = alone({ access: [entry], rules: [] });
    return verdict.effect === 'deny' ? { name, verdict: 'grants not', reason: verdict.reason } : { name, verdict: 'grants' };
  });
  const rules = config.rules.map((rule): Step => {
    const scope = concern(rule, groups, connection);
    if (scope !== undefined) return { name: rule.id, verdict: scope };
    // With everything granted, only the rule itself can deny.
    const verdict = alone({ access: [EVERYTHING], rules: [rule] });
    return { name: rule.id, verdict: verdict.effect === 'deny' && verdict.rule === rule.id ? 'denies' : 'does not match' };
  });
  return { decision, access, rules };
}

const EVERYTHING: AccessEntry = { ttlMs: 1 };

function concern(entry: AccessEntry | Rule, groups: readonly string[], connection: string): Step['verdict'] | undefined {
  if (!concerns(entry.connections, connection)) return 'not for this connection';
  return inGroups(entry.groups, groups) ? undefined : 'not for these groups';
}
