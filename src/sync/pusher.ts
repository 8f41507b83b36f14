// Brings a gateway what it lacks of the journal's logs: in order, in batches, idempotent, as often as it takes. Killed anywhere, it goes on there.
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import { encode } from 'cborg';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Journal } from '../journal/journal.ts';
import type { PendingLog } from '../journal/outbox.ts';
import { controlPaths, type LogState, type LogUpload, logStateSchema } from '../protocol/control.ts';

export interface PushResult {
  /** Entries that the gateway took in this run. */
  readonly entries: number;
  readonly logs: number;
  /** Logs that the gateway will not take, and why; the others went on. */
  readonly refused: readonly { readonly log: PendingLog; readonly error: McprecError }[];
}

const compress = promisify(zstdCompress);

/** Uploads everything that the gateway lacks now. Throws `gateway_unreachable` and what else stops all logs alike; a log that alone is refused is in the result. */
export async function pushPending(journal: Journal, identity: GatewayIdentity, signal: AbortSignal): Promise<PushResult> {
  let entries = 0;
  let logs = 0;
  const refused: { log: PendingLog; error: McprecError }[] = [];
  for (const log of journal.pendingLogs(identity.gateway)) {
    if (signal.aborted) break;
    try {
      entries += await pushLog(journal, identity, log, signal);
      logs++;
    } catch (error) {
      if (!(error instanceof McprecError) || !concernsOneLog.has(error.code)) throw error;
      refused.push({ log, error });
    }
  }
  return { entries, logs, refused };
}

const concernsOneLog: ReadonlySet<string> = new Set(['journal_forked', 'verify_failed', 'not_found', 'gateway_failed']);

async function pushLog(journal: Journal, identity: GatewayIdentity, log: PendingLog, signal: AbortSignal): Promise<number> {
  let from = log.received;
  let sent = 0;
  while (from < log.size && !signal.aborted) {
    const batch = journal.uploadBatch(log.logId, from, limits.syncEntriesMax, limits.syncBytesMax);
    if (batch.entries.length === 0) break;
    await journal.synced();
    const state = await upload(identity, log, batch, signal);
    // The gateway may have more than we knew (an answer that was lost) or less (restored from a backup): go on from there.
    if (state.size > log.size)
      throw new McprecError('journal_forked', `the gateway has ${state.size} entries of log ${log.logId}, this journal only ${log.size}`);
    if (state.size === from) throw new McprecError('gateway_failed', `the gateway took nothing of log ${log.logId}`);
    await journal.markReceived(log.logId, state.size);
    sent += Math.max(0, state.size - from);
    from = state.size;
  }
  return sent;
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
