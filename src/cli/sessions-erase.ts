// `mcprec sessions erase`, `prune` and `export`: contents taken out for good with a signed entry, and a session written out with its proofs.
import { once } from 'node:events';
import { asMcprecError, McprecError } from '../base/errors.ts';
import { parseId } from '../base/ids.ts';
import type { LogSigner } from '../evidence/checkpoint.ts';
import { openIdentity } from '../identity/gateway-identity.ts';
import { soloSigner } from '../identity/solo-key.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import { prune } from '../journal/pruner.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { controlPaths } from '../protocol/control.ts';
import { countText } from '../tui/words.ts';
import { journalPath } from './home.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions } from './login.ts';
import { readRetention } from './retention.ts';
import { openRecordOf } from './sessions.ts';
import { findAtGateway } from './sessions-gateway.ts';

export interface EraseOptions extends SecretFlags {
  readonly reason?: string | undefined;
  /** At its gateway as well, which removes its own copy. */
  readonly atGateway?: boolean | undefined;
  /** With `atGateway`, for a session that is not in this journal. */
  readonly gateway?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface PruneOptions extends SecretFlags {
  readonly keep?: string | undefined;
  readonly maxSize?: string | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Erases the contents of a session, with `atGateway` at its gateway first. Throws `not_found`, `id_ambiguous`, `usage` where it is open,
 * what signing throws, and what the gateway says (`connection_denied` where the caller may not erase there): then nothing is erased here either.
 */
export async function runErase(idPrefix: string, options: EraseOptions, io: Io): Promise<void> {
  using journal = openForWriting(io);
  const reason = options.reason ?? 'erased on request';
  const session = sessionToErase(journal, idPrefix, options);
  const gateway = options.gateway ?? session?.gateway;
  if (options.atGateway && gateway === undefined && session !== undefined)
    throw new McprecError('usage', `${session.sessionId} is a solo session: no gateway has it`, { remedy: 'leave out --at-gateway' });
  const erasedThere = options.atGateway ? await eraseAtGateway(session?.sessionId ?? idPrefix, gateway, { ...options, reason }, io) : undefined;
  if (session === undefined) {
    const sessionId = erasedThere;
    if (options.json) sayJson(io, { sessionId, gateway: 'erased' });
    else say(io, `${sessionId}: the gateway has erased its copy; this journal has none`);
    return;
  }
  const { sessionId } = session;
  const by = session.identity?.email ?? session.identity?.subject;
  const removal = { kind: 'erasure', reason, ...(by !== undefined && { by }) } as const;
  await withSigner(session.gateway, options, io, (signer) => journal.eraser.remove(session, removal, signer));
  journal.eraser.compact();
  if (options.json) return sayJson(io, { sessionId, erased: session.size - 1, ...(options.atGateway && { gateway: 'erased' }) });
  say(io, `${sessionId}: payloads and names of ${session.size - 1} entries are erased; its log still verifies and says so`);
  if (options.atGateway) say(io, `${sessionId}: the gateway has erased its copy as well`);
  else if (gateway !== undefined) note(io, 'the gateway keeps its own copy; whoever may erase it there runs the same with --at-gateway');
}

/** The session in this journal; undefined where only the gateway can have it. */
function sessionToErase(journal: Journal, idPrefix: string, { atGateway }: EraseOptions): SessionSummary | undefined {
  try {
    return journal.findSession(idPrefix);
  } catch (error) {
    if (atGateway && asMcprecError(error).code === 'not_found') return undefined;
    throw error;
  }
}

/** Erases the session whose id begins so at the gateway; its id. */
async function eraseAtGateway(idPrefix: string, gateway: string | undefined, options: EraseOptions & { readonly reason: string }, io: Io): Promise<string> {
  await using identity = await openIdentity({ ...secretOptions(options, io), gateway, clock: io.clock, random: io.random });
  const sessionId = parseId('ses', idPrefix) ?? (await findAtGateway(identity, idPrefix, io)).sessionId;
  await identity.request('POST', controlPaths.eraseSession(sessionId), { json: { reason: options.reason }, signal: io.signal });
  return sessionId;
}

/** Prunes what is older than `--keep`, then the oldest until the journal is no larger than `--max-size`. Of sessions under a gateway only what it has receipted. */
export async function runPrune(options: PruneOptions, io: Io): Promise<void> {
  const { keep, maxSize } = options;
  const retention = readRetention({ keep: ['--keep', keep], maxSize: ['--max-size', maxSize] });
  if (retention === undefined) throw new McprecError('usage', 'give --keep or --max-size, or both');
  using journal = openForWriting(io);
  const pruned = await prune(journal, retention, {
    nowMs: io.clock.wallMs(),
    signal: io.signal,
    withSigner: async (gateway, work) => {
      await withSigner(gateway, options, io, work);
      return true;
    },
  });
  const { sessions, notReceipted } = pruned;
  const solo = sessions.filter(({ gateway }) => gateway === undefined).length;
  if (options.json) return sayJson(io, { pruned: sessions.map(({ sessionId }) => sessionId), selfAttested: solo, notReceipted });
  say(io, `${countText(sessions.length, 'session')} pruned${solo === 0 ? '' : `, ${solo} of them self-attested: nobody else has seen them`}`);
  if (notReceipted > 0)
    say(io, `${countText(notReceipted, 'session')} kept: the gateway has not receipted all of ${notReceipted === 1 ? 'it' : 'them'} yet; run: mcprec sync`);
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

/** Does the work with the signer of sessions under that gateway (undefined: solo). */
async function withSigner(gateway: string | undefined, options: SecretFlags, io: Io, work: (signer: LogSigner) => Promise<void>): Promise<void> {
  if (gateway === undefined) return work(soloSigner(io.home));
  await using identity = await openIdentity({ ...secretOptions(options, io), gateway, clock: io.clock, random: io.random });
  await work(identity.logSigner);
}
