// Gets the gateway's record of a session and reconciles it with the laptop's: leaves only, no contents.
import type { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import type { LogId, SessionId } from '../base/ids.ts';
import { decodeLeaf, type Leaf } from '../evidence/leaf.ts';
import { type LaptopPart, type Reconciliation, reconcile } from '../evidence/reconcile.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Journal } from '../journal/journal.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { controlPaths, leavesSchema, sessionSummarySchema } from '../protocol/control.ts';

/** Reconciles a session of this journal with what its gateway recorded of it. Throws what the gateway says, and `verify_failed` where its leaves are none. */
export async function reconcileSession(journal: Journal, session: SessionSummary, identity: GatewayIdentity, signal: AbortSignal): Promise<Reconciliation> {
  // Read before the gateway's: of a session that is open, the gateway may have more, and never less.
  const ours = [...leavesOf(journal, session.logId)];
  const logId = await gatewayLog(session.sessionId, identity, signal);
  const theirs: Leaf[] = [];
  for (;;) {
    const answer = await identity.request('GET', `${controlPaths.logLeaves(logId)}?from=${theirs.length}`, { signal });
    const { leaves } = read(leavesSchema, answer.json());
    for (const leaf of leaves) theirs.push(decodeLeaf(Buffer.from(leaf, 'base64')));
    if (leaves.length === 0) break;
  }
  const part: LaptopPart = session.state === 'open' ? 'pending' : 'complete';
  return reconcile(ours, theirs, part);
}

async function gatewayLog(sessionId: SessionId, identity: GatewayIdentity, signal: AbortSignal): Promise<LogId> {
  const answer = await identity.request('GET', controlPaths.session(sessionId), { signal });
  const log = read(sessionSummarySchema, answer.json()).logs.find(({ vantage }) => vantage === 'gateway');
  if (log === undefined) throw new McprecError('verify_failed', 'the gateway has no log of its own of this session');
  return log.logId as LogId;
}

function* leavesOf(journal: Journal, logId: LogId): Generator<Leaf> {
  for (const { leaf } of journal.walk(logId)) yield leaf;
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new McprecError('gateway_failed', 'the gateway’s answer is not what this mcprec understands', { cause: parsed.error });
  return parsed.data;
}
