// The solo form (DESIGN §3): the same data path straight to an upstream, with no gateway, no login and no grant.
import { createSecretKey } from 'node:crypto';
import { basename } from 'node:path';
import { type IdSource, newId } from '../base/ids.ts';
import type { Secret } from '../base/secret.ts';
import type { LogSigner } from '../evidence/checkpoint.ts';
import { Checkpointer } from '../journal/checkpointer.ts';
import type { Journal } from '../journal/journal.ts';
import { statementBytes } from '../mask/value.ts';
import { rulesOf } from '../path/rules.ts';
import { soloProjection } from '../policy/solo.ts';
import { PipeUpstream } from '../transport/pipe-upstream.ts';
import { ServerProcesses } from '../transport/server-process.ts';
import { ssePipes } from '../transport/sse-pipe.ts';
import { type RecordHome, recordUnheard } from '../transport/unclaimed.ts';
import type { UpstreamPool } from '../transport/upstream.ts';
import { conditionsOf } from './conditions.ts';
import { type Edge, pipeEdge, soloEdge } from './edge.ts';
import type { SoloTarget } from './options.ts';
import { ForwarderSession, type SessionParts } from './session.ts';
import { type AskHold, soloHolds } from './solo-holds.ts';

export interface SoloOptions {
  readonly target: SoloTarget;
  readonly reason: string | undefined;
  readonly journal: Journal;
  readonly upstream: UpstreamPool;
  readonly localToken: Secret;
  readonly ids: IdSource;
  readonly client: Readonly<Record<string, unknown>>;
  readonly changed: () => void;
  /** Asks whoever sits at the terminal; left out where nobody does. */
  readonly askHold?: AskHold | undefined;
  /** Signs the checkpoints of the log. */
  readonly signer: LogSigner;
  /** A checkpoint could not be signed. */
  readonly trouble: (error: unknown) => void;
  /** What a server that is a command says on stderr. */
  readonly said: (bytes: Uint8Array) => void;
}

/** How a solo connection is called: the host of its URL, or the program of its command. */
export function soloName(target: SoloTarget): string {
  if (target.kind === 'solo') return target.url.host;
  const [program] = target.command.command;
  return basename(program);
}

/** Opens a solo session: its `open` entry is durable when this resolves. */
export async function openSolo(options: SoloOptions): Promise<ForwarderSession> {
  const { target, journal, ids, localToken, changed } = options;
  // The key of the MACs is nobody else's here; it dies with the process (RULES R3).
  const reconcileKey = createSecretKey(ids.random(32));
  const projection = target.policy ?? soloProjection(soloName(target), 'mcp');
  const rules = rulesOf(projection, { reconcileKey, ids, conditions: await conditionsOf(projection), masksForClient: true });
  const sessionId = newId('ses', ids);
  const stated = { session: sessionId, connection: rules.connection, kind: rules.kind, record: rules.record };
  const given = {
    upstream: target.kind === 'solo' ? `${target.url.origin}${target.url.pathname}` : target.command.command.join(' '),
    client: options.client,
    ...(options.reason !== undefined && { reason: options.reason }),
  };
  const log = await journal.openSession({
    logId: newId('log', ids),
    open: {
      kind: 'open',
      wallMs: ids.clock.wallMs(),
      monoUs: ids.clock.monoUs(),
      wireBytes: 0,
      policyHash: rules.policy.hash,
      maskerVersion: rules.masker.version,
      payload: statementBytes(rules.masker, stated, given),
    },
  });
  const { signer, trouble, askHold } = options;
  const checkpoints = new Checkpointer({ log, notary: journal.notary, signer, clock: ids.clock, seen: () => undefined, trouble });
  const session: ForwarderSession = new ForwarderSession({
    log,
    checkpoints,
    rules,
    localToken,
    changed,
    ...serverOf(options, () => session),
    ...(askHold && { holds: soloHolds({ rules: () => session.rules, record: (entries) => session.append(entries), askHold }) }),
  });
  return session;
}

type Server = { readonly edge: Edge } & Pick<SessionParts, 'upstream' | 'server'>;

function serverOf({ target, upstream, localToken, ids, said }: SoloOptions, session: () => ForwarderSession): Server {
  const home: RecordHome = { rules: () => session().rules, record: (entries) => session().append(entries) };
  if (target.kind === 'solo') {
    const edge = soloEdge(target.url, localToken, target.headers ?? []);
    if (target.transport !== 'sse') return { edge, upstream };
    const pipes = new PipeUpstream(ssePipes(upstream), recordUnheard(home), ids.random);
    return { edge, upstream: pipes, server: { isOld: true, close: () => pipes.close() } };
  }
  const processes = new ServerProcesses({ ...home, command: target.command, said });
  const pipes = new PipeUpstream(processes.open, recordUnheard(home), ids.random);
  return { edge: pipeEdge, upstream: pipes, server: { processes, close: () => pipes.close() } };
}
