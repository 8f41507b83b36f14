// Brings a gateway what it lacks of the journal's logs: in order, in batches, idempotent, as often as it takes. Killed anywhere, it goes on there.
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import { encode } from 'cborg';
import type { Clock } from '../base/clock.ts';
import { asMcprecError, McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { originOf } from '../evidence/checkpoint.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Journal } from '../journal/journal.ts';
import type { PendingLog } from '../journal/outbox.ts';
import { controlPaths, type LogState, type LogUpload, logStateSchema } from '../protocol/control.ts';
import { type ReceiptContext, seenTree, takeReceipt } from './receipts.ts';

export interface PushResult {
  /** Entries that the gateway took in this run. */
  readonly entries: number;
  readonly logs: number;
  /** Logs that the gateway will not take, and why; the others went on. */
  readonly refused: readonly { readonly log: PendingLog; readonly error: McprecError }[];
}

const compress = promisify(zstdCompress);

export interface PushOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Witnesses that must have co-signed the gateway's tree. Default: none. */
  readonly required?: readonly NoteVerifier[];
}

/** Uploads everything that the gateway lacks now. Throws `gateway_unreachable` and what else stops all logs alike; a log that alone is refused is in the result. */
export async function pushPending(journal: Journal, identity: GatewayIdentity, options: PushOptions): Promise<PushResult> {
  let entries = 0;
  let logs = 0;
  const refused: { log: PendingLog; error: McprecError }[] = [];
  await journal.notary.signAll(identity.gateway, identity.logSigner);
  for (const log of journal.pendingLogs(identity.gateway)) {
    if (options.signal.aborted) break;
    try {
      entries += await pushLog(log, { journal, identity, ...options });
      logs++;
    } catch (error) {
      if (!(error instanceof McprecError) || !concernsOneLog.has(error.code)) throw error;
      const isIndex = log.sessionId === undefined && error.code === 'journal_forked';
      refused.push({ log, error: isIndex ? await restarted(journal, identity, log, error) : error });
    }
  }
  return { entries, logs, refused };
}

const concernsOneLog: ReadonlySet<string> = new Set([
  'journal_forked',
  'verify_failed',
  'not_found',
  'gateway_failed',
  'note_invalid',
  'witness_missing',
  'witness_rollback',
  'device_refused',
]);

const bounds = { entriesMax: limits.syncEntriesMax, bytesMax: limits.syncBytesMax };

/** Logs of which the gateway's own record differs (it masks otherwise, or keeps no contents): their answers are sent as well. */
const sentWholeOf = new WeakMap<Journal, Set<LogId>>();

function sentWholeBy(journal: Journal): Set<LogId> {
  const known = sentWholeOf.get(journal) ?? new Set();
  sentWholeOf.set(journal, known);
  return known;
}

interface Push extends PushOptions {
  readonly journal: Journal;
  readonly identity: GatewayIdentity;
}

async function pushLog(log: PendingLog, push: Push): Promise<number> {
  const { journal, signal } = push;
  const sentWhole = sentWholeBy(journal);
  let from = log.received;
  let sent = 0;
  do {
    const batch = journal.uploadBatch(log.logId, from, { ...bounds, answers: sentWhole.has(log.logId) ? 'sent' : 'held' });
    const end = from + batch.entries.length;
    // The last part comes with a checkpoint of all that the gateway then has, and brings a receipt back.
    const isLast = end >= log.size;
    const state = await uploadTo(log, isLast ? await signed(log, end, batch, push) : batch, push);
    // The gateway may have more than we knew (an answer that was lost) or less (restored from a backup): go on from there.
    if (state.size > Math.max(log.size, end)) tooMuch(log, state.size);
    if (state.lacking && !sentWhole.has(log.logId)) {
      sentWhole.add(log.logId);
      continue;
    }
    if (state.size === from && batch.entries.length > 0) throw new McprecError('gateway_failed', `the gateway took nothing of log ${log.logId}`);
    await journal.markReceived(log.logId, state.size);
    if (state.receipt !== undefined) await takeReceipt(log.logId, state.receipt, contextOf(push));
    sent += Math.max(0, state.size - from);
    from = state.size;
    if (isLast && state.size === end) break;
  } while (!signal.aborted);
  return sent;
}

async function signed(log: PendingLog, size: number, batch: LogUpload, { journal, identity }: Push): Promise<LogUpload> {
  const checkpoint = identity.logSigner.sign(originOf(log.logId), { size, root: batch.root });
  await journal.notary.keep(log.logId, size, checkpoint);
  return { ...batch, checkpoint, treeSize: seenTree(journal, identity.gateway)?.size ?? 0 };
}

/** The gateway has more of a log than this journal, or other entries: an older copy of the journal was put back. */
function tooMuch(log: PendingLog, size: number): never {
  throw new McprecError('journal_forked', `the gateway has ${size} entries of log ${log.logId}, this journal only ${log.size}`);
}

/** From here on another index log lists the sessions: nothing more of the one before will be taken. */
async function restarted(journal: Journal, { gateway }: GatewayIdentity, { received, size }: PendingLog, cause: McprecError): Promise<McprecError> {
  await journal.restartIndex(gateway, received);
  const message = `the gateway has other entries of this journal’s index log than its ${size}: an older copy of the journal was put back; a new index log was begun that says so`;
  return new McprecError('witness_rollback', message, { cause });
}

function contextOf({ journal, identity, clock, required = [] }: Push): ReceiptContext {
  return { journal, gateway: identity.gateway, device: identity.logSigner.publicKey, required, nowMs: clock.wallMs() };
}

/** An index log is made known where the gateway does not know it yet. */
async function uploadTo(log: PendingLog, batch: LogUpload, { identity, signal }: Push): Promise<LogState> {
  try {
    return await upload(identity, log, batch, signal);
  } catch (error) {
    if (log.sessionId !== undefined || asMcprecError(error).code !== 'not_found') throw error;
    const { publicKey } = identity.signDevice();
    await identity.request('PUT', controlPaths.log(log.logId), { json: { publicKey }, signal });
    return upload(identity, log, batch, signal);
  }
}

async function upload(identity: GatewayIdentity, log: PendingLog, batch: LogUpload, signal: AbortSignal): Promise<LogState> {
  const body = await compress(encode(batch));
  const answer = await identity.request('POST', controlPaths.logEntries(log.logId), {
    body,
    headers: { 'content-type': 'application/cbor', 'content-encoding': 'zstd' },
    accept: [409],
    signal,
  });
  const state = logStateSchema.safeParse(answer.json());
  if (!state.success) throw new McprecError('gateway_failed', 'the gateway’s answer to an upload is not what this mcprec understands', { cause: state.error });
  return state.data;
}
