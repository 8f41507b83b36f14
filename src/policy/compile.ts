// Compiles policy for one identity on one connection. The gateway and the forwarder both come through the projection, so
// that they cannot decide differently.
import type { ConnectionKind } from '../base/connection.ts';
import type { Call, Decision, Policy } from './call.ts';
import type { GatewayConfig } from './config.ts';
import { Denied } from './denied.ts';
import { Granted } from './granted.ts';
import { type Projection, projectPolicy } from './projection.ts';
import { httpTarget, intakeTarget, mcpTarget, type Target, type TargetKind } from './target.ts';

/** Policy for a person in `groups` on `connection`. Throws `not_found` where there is no such connection. */
export function compilePolicy(config: GatewayConfig, { groups }: { readonly groups: readonly string[] }, connection: string): Policy {
  return compileProjection(projectPolicy(config, groups, connection));
}

/** Policy from the part of it that a gateway signed for this identity and connection. */
export function compileProjection(projection: Projection): Policy {
  const granted = new Granted({ ...projection.connection, access: projection.access });
  const denied = new Denied(projection.rules);
  const read = targetsOf[projection.connection.kind];
  // Where no name could be kept from anybody, one that cannot be read is the upstream's to refuse, in the words of its revision.
  const anyName = granted.showsAll && projection.rules.every(({ resources, prompts }) => !resources && !prompts);
  const targetOf = (call: Call): Target => {
    const target = read(call);
    return anyName && target.kind === 'unclear' ? NAMELESS : target;
  };
  return {
    hash: Buffer.from(projection.policyHash, 'hex'),
    decide: (call) => decide(call, targetOf(call), granted, denied),
    shows: (what, name) => granted.target(what, name, listedFor[what]).kind === 'granted',
    showsAll: granted.showsAll,
  };
}

const targetsOf = { mcp: mcpTarget, 'datadog-intake': intakeTarget, http: httpTarget } as const satisfies Record<ConnectionKind, (call: Call) => Target>;
const NAMELESS: Target = { kind: 'none', free: false };
const ALLOW: Decision = { effect: 'allow' };
/** What a listed thing is there for: whoever may not do that need not see it. */
const listedFor = { tool: 'tools/call', resource: 'resources/read', prompt: 'prompts/get' } as const satisfies Record<TargetKind, string>;

// Access first: what it does not grant must answer as unknown, even where a rule would have a word to say.
function decide(call: Call, target: Target, granted: Granted, denied: Denied): Decision {
  const refusal = refusalOf(call, target, granted);
  if (refusal) return refusal;
  const rule = denied.first(call, target);
  if (rule === undefined) return ALLOW;
  return { effect: 'deny', rule: rule.id, reason: rule.message ?? `denied by rule ${rule.id}`, hidden: false };
}

function refusalOf(call: Call, target: Target, granted: Granted): Decision | undefined {
  switch (target.kind) {
    case 'unclear':
      return { effect: 'deny', rule: 'access', reason: target.reason, hidden: false };
    case 'none': {
      const grant = target.free ? undefined : granted.method(call);
      return grant?.kind === 'refused' ? { effect: 'deny', rule: 'access', reason: grant.reason, hidden: grant.hidden } : undefined;
    }
    case 'tool':
    case 'resource':
    case 'prompt':
      for (const name of target.names) {
        const grant = granted.target(target.kind, name, target.as);
        if (grant.kind === 'refused') return { effect: 'deny', rule: 'access', reason: grant.reason, hidden: grant.hidden };
      }
      return undefined;
    default:
      return target satisfies never;
  }
}
