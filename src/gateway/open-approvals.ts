// Wires what has to do with approvals: webhooks, desk, holds, grants that need one, and what people do with them.
import { createHmac, createSecretKey } from 'node:crypto';
import type { Logger } from 'pino';
import type { IdSource } from '../base/ids.ts';
import { compileMasker } from '../mask/compile.ts';
import type { GatewayConfig } from '../policy/config.ts';
import type { Store } from '../store/store.ts';
import { ApprovalDesk } from './approval-desk.ts';
import { Approvals } from './approvals.ts';
import type { SessionEvents } from './events.ts';
import { GrantApprovals } from './grant-approvals.ts';
import { Holds, type HoldsParts } from './holds.ts';
import type { GatewayKeys } from './keys.ts';
import { type Hook, Webhooks } from './webhooks.ts';

export interface ApprovalsWorld {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly keys: GatewayKeys;
  readonly ids: IdSource;
  readonly events: SessionEvents;
  readonly hooks: readonly Hook[];
  readonly tools: HoldsParts['tools'];
  readonly publicUrl: string;
  readonly logger: Logger;
}

export interface ApprovalParts {
  readonly desk: ApprovalDesk;
  readonly holds: Holds;
  readonly grantApprovals: GrantApprovals;
  readonly approvals: Approvals;
  readonly webhooks: Webhooks;
}

/** Puts together what approvals need. Deliveries that an earlier process left over go out at once. */
export function openApprovals({ config, store, keys, ids, events, hooks, tools, publicUrl, logger }: ApprovalsWorld): ApprovalParts {
  const masker = compileMasker(config.mask, { pseudonymKey: keys.pseudonymKey });
  const webhooks = new Webhooks({ hooks, store, ids, masker, logger });
  const machineOwners = () => config.identity.machineOwners;
  const desk = new ApprovalDesk({ store, ids, events, webhooks, masker, publicUrl, machineOwners });
  const holds = new Holds({ store, desk, ids, tools, waitMsMax: () => config.holdWaitMs });
  // A key of its own for each kind of digest.
  const bindingKey = createSecretKey(createHmac('sha256', keys.handleKey).update('mcprec-grant-wishes-v1').digest());
  const grantApprovals = new GrantApprovals({ store, desk, ids, masker, bindingKey });
  const approvals = new Approvals({ store, desk, ids, reveals: holds.reveals, machineOwners });
  // What was left to tell when the gateway stopped.
  webhooks.nudge();
  return { desk, holds, grantApprovals, approvals, webhooks };
}
