// A policy that looks after tools which were changed since they were first seen: by the connection's setting their calls are
// denied or held, whatever the rules would allow.
import { createHash } from 'node:crypto';
import type { Call, Decision, Hold, Policy } from './call.ts';
import type { ToolChanges } from './config.ts';

/** Stands as the rule of these decisions. */
export const TOOL_CHANGES = 'tool-changes';

/** What a form is called where people read of it: in the entry of the change, to approvers, and in the entry of their approval. */
export function formName(form: Uint8Array): string {
  return Buffer.from(form).subarray(0, 6).toString('hex');
}

/** `changed` gives what names the new form of a tool, or undefined where it is as it was. */
export function guardTools(policy: Policy, setting: ToolChanges, changed: (tool: string) => Uint8Array | undefined): Policy {
  if (setting.effect === 'allow') return policy;
  return {
    hash: policy.hash,
    showsAll: policy.showsAll,
    serverRequests: policy.serverRequests,
    shows: (what, name) => policy.shows(what, name),
    spend: (call) => policy.spend(call),
    metricsOf: (call) => policy.metricsOf(call),
    decide: (call) => decide(policy.decide(call), call, setting, changed),
  };
}

function decide(decision: Decision, { method, tool }: Call, setting: ToolChanges, changed: (tool: string) => Uint8Array | undefined): Decision {
  if (decision.effect === 'deny' || method !== 'tools/call' || tool === undefined) return decision;
  const form = changed(tool);
  if (form === undefined) return decision;
  const reason = `the description or schema of this tool was changed, and nobody has accepted it so far (it is ${formName(form)} now)`;
  if (setting.effect !== 'hold') return { effect: 'deny', rule: TOOL_CHANGES, reason, hidden: false };
  // Where a rule holds the call anyway, its approvers are asked, and an approval from before the change is none.
  if (decision.effect === 'hold') {
    const accepts = decides(setting.hold, decision) ? { accepts: form } : undefined;
    return { ...decision, ruleDigest: digest(decision.ruleDigest, form), reason: `${decision.reason}; ${reason}`, ...accepts };
  }
  const hold: Hold = { effect: 'hold', rule: TOOL_CHANGES, ruleDigest: digest(form), reason, ...setting.hold, accepts: form };
  return decision.masks === undefined ? hold : { ...hold, masks: decision.masks };
}

/** True where whoever approves `hold` could decide about the change, too. */
function decides({ approvers, min }: Pick<Hold, 'approvers' | 'min'>, hold: Hold): boolean {
  return hold.min >= min && hold.approvers.every((group) => approvers.includes(group));
}

function digest(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256').update(TOOL_CHANGES);
  for (const part of parts) hash.update(part);
  return hash.digest();
}
