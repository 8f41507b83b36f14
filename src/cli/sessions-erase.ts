// `mcprec sessions erase`, `prune` and `export`: contents taken out for good with a signed entry, and a session written out with its proofs.
import { once } from 'node:events';
import { McprecError } from '../base/errors.ts';
import { parseSize } from '../base/size.ts';
import type { LogSigner } from '../evidence/checkpoint.ts';
import { openIdentity } from '../identity/gateway-identity.ts';
import { soloSigner } from '../identity/solo-key.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { parseDuration } from '../policy/duration.ts';
import { journalPath } from './home.ts';
import { type Io, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions } from './login.ts';
import { openRecordOf } from './sessions.ts';

export interface EraseOptions extends SecretFlags {
  readonly reason?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface PruneOptions extends SecretFlags {
  readonly keep?: string | undefined;
  readonly maxSize?: string | undefined;
  readonly json?: boolean | undefined;
}

const SESSIONS_MAX = 100_000;

/** Erases the contents of a session. Throws `not_found`, `id_ambiguous`, `usage` where it is open, and what signing throws. */
export async function runErase(idPrefix: string, options: EraseOptions, io: Io): Promise<void> {
  using journal = openForWriting(io);
  const session = journal.findSession(idPrefix);
  const by = session.identity?.email ?? session.identity?.subject;
  const removal = { kind: 'erasure', reason: options.reason ?? 'erased on request', ...(by !== undefined && { by }) } as const;
  await withSigner(session, options, io, (signer) => journal.eraser.remove(session, removal, signer));
  journal.eraser.compact();
  if (options.json) sayJson(io, { sessionId: session.sessionId, erased: session.size - 1 });
  else say(io, `${session.sessionId}: payloads and names of ${session.size - 1} entries are erased; its log still verifies and says so`);
}

/** Prunes what is older than `--keep`, then the oldest until the journal is no larger than `--max-size`. Of sessions under a gateway only what it has receipted. */
export async function runPrune(options: PruneOptions, io: Io): Promise<void> {
  const keepMs = options.keep === undefined ? undefined : parseDuration(options.keep);
  const bytesMax = options.maxSize === undefined ? undefined : parseSize(options.maxSize);
  if (options.keep !== undefined && keepMs === undefined) throw new McprecError('usage', `--keep ${options.keep} is no duration such as 30d`);
  if (options.maxSize !== undefined && bytesMax === undefined) throw new McprecError('usage', `--max-size ${options.maxSize} is no size such as 500MB`);
  if (keepMs === undefined && bytesMax === undefined) throw new McprecError('usage', 'give --keep or --max-size, or both');
  using journal = openForWriting(io);
  const pruned: SessionSummary[] = [];
  let kept = 0;
  let fileBytes = journal.eraser.fileBytes();
  for (const session of journal.sessions({ limit: SESSIONS_MAX }).toReversed()) {
    if (io.signal.aborted) break;
    const isOld = keepMs !== undefined && (session.endedMs ?? Number.POSITIVE_INFINITY) < io.clock.wallMs() - keepMs;
    const isTooMuch = bytesMax !== undefined && fileBytes > bytesMax;
    const removableBytes = journal.eraser.removableBytes(session);
    if (!(isOld || isTooMuch) || session.state === 'open' || removableBytes === 0) continue;
    if (session.gateway !== undefined && session.receipted < session.size) {
      kept++;
      continue;
    }
    const reason = isOld ? `older than ${options.keep}` : `the journal is larger than ${options.maxSize}`;
    await withSigner(session, options, io, (signer) => journal.eraser.remove(session, { kind: 'retention', reason }, signer));
    pruned.push(session);
    fileBytes -= removableBytes;
  }
  if (pruned.length > 0) journal.eraser.compact();
  const solo = pruned.filter(({ gateway }) => gateway === undefined).length;
  if (options.json) return sayJson(io, { pruned: pruned.map(({ sessionId }) => sessionId), selfAttested: solo, notReceipted: kept });
  say(io, `${pruned.length} sessions pruned${solo === 0 ? '' : `, ${solo} of them self-attested: nobody else has seen them`}`);
  if (kept > 0) say(io, `${kept} sessions kept: their gateway has not receipted them yet; run: mcprec sync`);
}

/** Writes a session's bundle to stdout. Throws `not_found`, `id_ambiguous`, `journal_*`. */
export async function runExport(idPrefix: string, _options: object, io: Io): Promise<void> {
  using journal = openRecordOf(io);
  for (const piece of journal.exportSession(journal.findSession(idPrefix).sessionId)) {
    if (!io.stdout.write(piece)) await once(io.stdout, 'drain');
  }
}

function openForWriting(io: Io): Journal {
  return openJournal({ path: journalPath(io.home), clock: io.clock, random: io.random });
}

async function withSigner(session: SessionSummary, options: SecretFlags, io: Io, work: (signer: LogSigner) => Promise<void>): Promise<void> {
  if (session.gateway === undefined) return work(soloSigner(io.home));
  await using identity = await openIdentity({ ...secretOptions(options, io), gateway: session.gateway, clock: io.clock, random: io.random });
  await work(identity.logSigner);
}
