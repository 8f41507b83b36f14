// Retention of a journal: contents of the oldest ended sessions go, by age or by size, of sessions under a gateway only what it has receipted (RULES R15).
import type { LogSigner } from '../evidence/checkpoint.ts';
import type { Journal } from './journal.ts';
import type { SessionSummary } from './session-rows.ts';

export interface Retention {
  readonly keepMs?: number | undefined;
  readonly bytesMax?: number | undefined;
}

interface PruneParts {
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** Does the work with the signer of sessions under that gateway (undefined: solo); false where there is none at hand. */
  readonly withSigner: (gateway: string | undefined, work: (signer: LogSigner) => Promise<void>) => Promise<boolean>;
}

export interface Pruned {
  readonly sessions: readonly SessionSummary[];
  /** Sessions that would have gone, and that their gateway has not receipted yet. */
  readonly notReceipted: number;
}

const SESSIONS_MAX = 100_000;
const dayMs = 24 * 60 * 60_000;

/** Prunes what ended longer ago than `keepMs`, then the oldest until the file is no larger than `bytesMax`. Throws `journal_locked`, and what signing throws. */
export async function prune(journal: Journal, { keepMs, bytesMax }: Retention, { nowMs, signal, withSigner }: PruneParts): Promise<Pruned> {
  const sessions: SessionSummary[] = [];
  let notReceipted = 0;
  let fileBytes = journal.eraser.fileBytes();
  for (const session of journal.sessions({ limit: SESSIONS_MAX }).toReversed()) {
    if (signal.aborted) break;
    const isOld = keepMs !== undefined && (session.endedMs ?? Number.POSITIVE_INFINITY) < nowMs - keepMs;
    if (!isOld && (bytesMax === undefined || fileBytes <= bytesMax)) continue;
    const removableBytes = session.state === 'open' ? 0 : journal.eraser.removableBytes(session);
    if (removableBytes === 0) continue;
    if (session.gateway !== undefined && session.receipted < session.size) {
      notReceipted++;
      continue;
    }
    const reason = isOld ? `older than ${Math.round((10 * keepMs) / dayMs) / 10} days` : `the journal is larger than ${bytesMax} bytes`;
    if (!(await withSigner(session.gateway, (signer) => journal.eraser.remove(session, { kind: 'retention', reason }, signer)))) continue;
    sessions.push(session);
    fileBytes -= removableBytes;
  }
  if (sessions.length > 0) journal.eraser.compact();
  return { sessions, notReceipted };
}
