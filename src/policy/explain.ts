// Says why policy decides as it does: which access entries and rules concern a call, and which of them won. Tries each one
// by itself, so it is slow and simple; what it says won is what `decide` says.
import { concerns, inGroups } from './access.ts';
import type { Call, Decision } from './call.ts';
import { compilePolicy } from './compile-config.ts';
import type { AccessEntry, GatewayConfig, Rule } from './config.ts';
import type { PolicyContext } from './context.ts';

export interface Step {
  /** `access[0]`, or the rule's id. */
  readonly name: string;
  readonly verdict: 'grants' | 'grants not' | 'denies' | 'holds' | 'masks' | 'does not match' | 'not for these groups' | 'not for this connection';
  /** Why an access entry that concerns the caller grants nothing, or what a condition came to. */
  readonly reason?: string;
}

export interface Explanation {
  readonly decision: Decision;
  readonly access: readonly Step[];
  readonly rules: readonly Step[];
}

/** The decision on `call` by the person of `context` on `connection`, and what each part of the policy said. Throws `not_found`. */
export function explainDecision(config: GatewayConfig, context: PolicyContext, connection: string, call: Call): Explanation {
  const { groups } = context.identity;
  const decide = (part: Partial<Pick<GatewayConfig, 'access' | 'rules'>>): Decision => compilePolicy({ ...config, ...part }, context, connection).decide(call);
  const access = config.access.map((entry, i): Step => {
    const name = `access[${i}]`;
    const scope = concern(entry, groups, connection);
    if (scope !== undefined) return { name, verdict: scope };
    const verdict = decide({ access: [entry], rules: [] });
    return verdict.effect === 'deny' ? { name, verdict: 'grants not', reason: verdict.reason } : { name, verdict: 'grants' };
  });
  const rules = config.rules.map((rule): Step => {
    const scope = concern(rule, groups, connection);
    if (scope !== undefined) return { name: rule.id, verdict: scope };
    // With everything granted, only the rule itself can have a say.
    return { name: rule.id, ...saidBy(rule, decide({ access: [EVERYTHING], rules: [rule] })) };
  });
  return { decision: decide({}), access, rules };
}

const EVERYTHING: AccessEntry = { ttlMs: 1 };

function saidBy(rule: Rule, decision: Decision): Pick<Step, 'verdict' | 'reason'> {
  switch (decision.effect) {
    case 'deny':
      // A condition that cannot be evaluated denies, whatever the rule is there for.
      if (decision.rule !== rule.id) return { verdict: 'does not match' };
      return rule.effect === 'deny' && rule.when === undefined ? { verdict: 'denies' } : { verdict: 'denies', reason: decision.reason };
    case 'hold':
      return { verdict: 'holds' };
    case 'allow':
      return { verdict: decision.masks === undefined ? 'does not match' : 'masks' };
    default:
      return decision satisfies never;
  }
}

function concern(entry: AccessEntry | Rule, groups: readonly string[], connection: string): Step['verdict'] | undefined {
  if (!concerns(entry.connections, connection)) return 'not for this connection';
  return inGroups(entry.groups, groups) ? undefined : 'not for these groups';
}
