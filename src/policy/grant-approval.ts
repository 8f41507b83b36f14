// Whether opening a connection needs an approval, and by whom.
import { createHash } from 'node:crypto';
import { applies } from './access.ts';
import type { Approval, GatewayConfig } from './config.ts';

export interface GrantApproval extends Approval {
  /** How the rule is called in requests for approvals: the access entries that ask for it. */
  readonly rule: string;
  /** SHA-256 of what is asked for: an approval holds for the policy as it was. */
  readonly digest: Uint8Array;
}

/**
 * What a person in `groups` needs before `connection` is opened for them; undefined where nothing. Of several access entries that ask for an
 * approval, all must be content: the groups that each of them names, the highest number, the shortest time.
 */
export function grantApproval(config: GatewayConfig, groups: readonly string[], connection: string): GrantApproval | undefined {
  const asking = [...config.access.entries()].flatMap(([i, entry]) =>
    entry.approval !== undefined && applies(entry, groups, connection) ? [{ i, approval: entry.approval }] : [],
  );
  const [first, ...others] = asking;
  if (first === undefined) return undefined;
  const approvers = first.approval.approvers.filter((group) => others.every(({ approval }) => approval.approvers.includes(group)));
  const min = Math.max(...asking.map(({ approval }) => approval.min));
  const withinMs = Math.min(...asking.map(({ approval }) => approval.withinMs));
  const digest = createHash('sha256')
    .update(JSON.stringify(['mcprec-grant-v1', connection, approvers, min, withinMs]))
    .digest();
  return { approvers, min, withinMs, digest, rule: asking.map(({ i }) => `access[${i}]`).join('+') };
}
