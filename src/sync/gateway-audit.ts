// Verifies what a gateway holds: its tree, and of each session every entry of both logs, against checkpoints, the index log, and what the laptop has.

import type { z } from 'zod';
import { fromBase64 } from '../base/base64.ts';
import { asMcprecError, McprecError } from '../base/errors.ts';
import { type LogId, parseId } from '../base/ids.ts';
import type { EntryToVerify, StatedHead } from '../evidence/claims.ts';
import type { Finding, LogReport } from '../evidence/findings.ts';
import { IndexContents } from '../evidence/index-contents.ts';
import type { Leaf } from '../evidence/leaf.ts';
import { type NoteVerifier, parseVerifier } from '../evidence/note.ts';
import { type Reconciliation, reconcile } from '../evidence/reconcile.ts';
import { endsLog } from '../evidence/tail.ts';
import { LogVerifier } from '../evidence/verify.ts';
import { decodePayload } from '../journal/coding.ts';
import { type AuditedLog, auditedEntriesSchema, auditedLogSchema, auditPaths } from '../protocol/audit.ts';
import { controlPaths, type SessionSummary, sessionsResponseSchema } from '../protocol/control.ts';
import { checkOpening, removedBy, signedSize, stated } from './audited.ts';
import { fetchTree, type GatewayReader, type GatewayTree, readTreeLeaves, type SeenTree } from './gateway-tree.ts';
import type { WitnessPlace } from './witness-client.ts';

export interface AuditOptions {
  /** The head of the tree that was seen last. */
  readonly seen: SeenTree | undefined;
  /** Witnesses that must have co-signed the tree. */
  readonly required: readonly NoteVerifier[];
  /** Witnesses that are asked what they have seen of the tree. */
  readonly places?: readonly WitnessPlace[];
  /** Sessions that the laptop knows of at this gateway. */
  readonly known: readonly string[];
  /** The laptop's head of a log of its own, and the key of its device. */
  readonly own: (logId: LogId, size: number) => { readonly head: StatedHead; readonly key: Uint8Array } | undefined;
  readonly signal: AbortSignal;
}

export interface AuditedSession {
  readonly sessionId: string;
  readonly connection: string;
  /** Of the laptop's log and the gateway's own. */
  readonly logs: readonly (LogReport & { readonly vantage: string })[];
  readonly reconciled: Reconciliation['counts'];
}

export interface GatewayAudit {
  /** Leaves of the gateway's tree. */
  readonly treeSize: number;
  /** True where the whole gateway was read: tree, index log, everyone's sessions. */
  readonly whole: boolean;
  readonly sessions: readonly AuditedSession[];
  /** Of tree and index log. */
  readonly findings: readonly Finding[];
}

/** Verifies all that the caller may read. Throws what keeps it from being read at all; whatever is wrong with it is a finding. */
export async function auditGateway(gateway: GatewayReader, options: AuditOptions): Promise<GatewayAudit> {
  return new Audit(gateway, options).run();
}

class Audit {
  readonly #gateway: GatewayReader;
  readonly #options: AuditOptions;
  readonly #findings: Finding[] = [];
  readonly #index = new IndexContents();

  constructor(gateway: GatewayReader, options: AuditOptions) {
    this.#gateway = gateway;
    this.#options = options;
  }

  async run(): Promise<GatewayAudit> {
    const { seen, required, places = [], signal } = this.#options;
    const listed = await this.#sessions();
    const index = await this.#get(auditedLogSchema, auditPaths.index, ['not_found']);
    const named = index?.treeKey ?? (await this.#anyLog(listed))?.treeKey ?? seen?.verifier;
    if (named === undefined) return { treeSize: 0, whole: false, sessions: [], findings: this.#missing(listed) };
    const tree = await fetchTree(this.#gateway, { key: parseVerifier(named), seen, required, places, signal });
    if (index !== undefined) await this.#readIndex(index, tree);
    const sessions: AuditedSession[] = [];
    for (const session of listed) sessions.push(await this.#session(session, tree, index !== undefined));
    this.#findings.unshift(...tree.findings);
    this.#findings.push(...this.#missing(listed));
    if (index !== undefined) await this.#compareWhole(tree, listed, index);
    return { treeSize: tree.size, whole: index !== undefined, sessions, findings: this.#findings };
  }

  async #sessions(): Promise<SessionSummary[]> {
    const found = new Map<string, SessionSummary>();
    // Asked for twice where it stands at an end: others may have been opened in the same millisecond. A page with nothing new is the last one.
    for (let before: number | undefined; ; ) {
      const { sessions } = await this.#read(sessionsResponseSchema, `${controlPaths.sessions}${before === undefined ? '' : `?before=${before}`}`);
      const last = sessions.at(-1);
      const known = found.size;
      for (const session of sessions) found.set(session.sessionId, session);
      if (last === undefined || found.size === known) return [...found.values()];
      before = last.openedAtMs + 1;
    }
  }

  async #anyLog(sessions: readonly SessionSummary[]): Promise<AuditedLog | undefined> {
    const log = sessions[0]?.logs[0];
    return log && this.#read(auditedLogSchema, auditPaths.log(log.logId));
  }

  async #readIndex(index: AuditedLog, tree: GatewayTree): Promise<void> {
    const report = await this.#log(index, { tree, state: 'open' }, (leaf, entry) => {
      this.#index.add(leaf, entry.payload === 'unreadable' ? undefined : entry.payload?.bytes, leaf.index < signedSize(index));
    });
    for (const finding of report.findings) this.#findings.push({ ...finding, message: `the gateway’s index log: ${finding.message}` });
  }

  async #session(session: SessionSummary, tree: GatewayTree, whole: boolean): Promise<AuditedSession> {
    const leaves = { forwarder: [] as Leaf[], gateway: [] as Leaf[] };
    const logs: AuditedSession['logs'][number][] = [];
    // The laptop's first: of what is recorded meanwhile, what it has the gateway must have, too.
    for (const vantage of ['forwarder', 'gateway'] as const) {
      const summary = session.logs.find((log) => log.vantage === vantage);
      const log = summary && (await this.#get(auditedLogSchema, auditPaths.log(summary.logId), ['not_found']));
      if (log === undefined) {
        this.#findings.push({ code: 'session_missing', message: `the gateway holds no ${vantage} log of ${session.sessionId}: it was removed` });
        continue;
      }
      const state = vantage === 'forwarder' || session.state === 'open' ? (log.ended ?? 'open') : 'closed';
      const unlisted = whole && !this.#index.opened.has(log.logId as LogId);
      const report = await this.#log(log, { tree, state, unlisted }, (leaf, entry, verifier) => {
        leaves[vantage].push(leaf);
        if (leaf.kind === 'open') checkOpening(verifier, entry, session);
      });
      logs.unshift({ ...report, vantage });
    }
    const last = leaves.forwarder.at(-1);
    const part = last !== undefined && endsLog(last.kind) ? 'complete' : 'pending';
    return { sessionId: session.sessionId, connection: session.connection, logs, reconciled: reconcile(leaves.forwarder, leaves.gateway, part).counts };
  }

  async #log(
    log: AuditedLog,
    { tree, state, unlisted }: { readonly tree: GatewayTree; readonly state: 'open' | 'closed' | 'crashed'; readonly unlisted?: boolean },
    seen: (leaf: Leaf, entry: EntryToVerify, verifier: LogVerifier) => void,
  ): Promise<LogReport> {
    const { size, calls, denied, masked, checkpoints, removals } = log;
    const logId = log.logId as LogId;
    await tree.reach(Math.max(-1, ...checkpoints.map(({ index }) => index), ...removals.map(({ treeIndex }) => treeIndex)));
    const own = this.#options.own(logId, size);
    const faults: string[] = [];
    const key = own?.key ?? (log.key === undefined ? tree.key.publicKey : new Uint8Array(Buffer.from(log.key, 'base64')));
    const heads = checkpoints.flatMap((checkpoint) => stated(checkpoint, { logId, key, tree, faults }));
    const ended = this.#index.ended.get(logId);
    const role = log.vantage === 'index' || log.vantage === 'gateway-index' ? 'index' : 'session';
    const verifier = new LogVerifier(
      { logId, role, size, root: Buffer.from(log.root, 'hex'), calls, denied, masked, state },
      {
        heads: [...heads, ...(own ? [own.head] : []), ...(ended ? [{ ...ended, by: 'the gateway’s index log' }] : [])],
        removed: [...(this.#index.removed.get(logId) ?? []), ...removals.flatMap((removal) => removedBy(removal, { logId, key, tree, faults }))],
      },
    );
    for (const fault of faults) verifier.report('signature_invalid', undefined, fault);
    if (log.quarantine !== undefined) verifier.report('head_differs', undefined, `the gateway takes nothing more into this log: ${log.quarantine}`);
    if (unlisted) verifier.report('session_unlisted', undefined, 'the gateway’s index log does not list this log: it was put in, or taken out of the index');
    for await (const entry of this.#entries(log)) {
      const leaf = verifier.add(entry);
      if (leaf !== undefined) seen(leaf, entry, verifier);
    }
    return verifier.finish();
  }

  /** The entries that the log's head counts, and those behind them that no later head counts either. */
  async *#entries({ logId, size }: AuditedLog): AsyncGenerator<EntryToVerify> {
    for (let from = 0; ; ) {
      const { entries } = await this.#read(auditedEntriesSchema, `${auditPaths.entries(logId)}?from=${from}`);
      const begin = from;
      for (const { index, leaf, leafHash: hash, payload, names } of entries) {
        if (index >= size && (await this.#read(auditedLogSchema, auditPaths.log(logId))).size > size) return;
        from = index + 1;
        const unpacked = payload && decodePayload({ coding: payload.coding, bytes: fromBase64(payload.bytes) });
        yield {
          index,
          leaf: fromBase64(leaf),
          leafHash: fromBase64(hash),
          payload: payload && (unpacked === undefined ? 'unreadable' : { salt: fromBase64(payload.salt), bytes: unpacked }),
          names: names && { salt: fromBase64(names.salt), bytes: fromBase64(names.bytes) },
        };
      }
      // One that says less than it said before would say it for ever.
      if (from <= begin || from > size) return;
    }
  }

  /** What the laptop has a record of and the gateway does not list. */
  #missing(listed: readonly SessionSummary[]): Finding[] {
    const there = new Set(listed.map(({ sessionId }) => sessionId));
    return this.#options.known
      .filter((id) => !there.has(id))
      .map((id) => ({ code: 'session_missing', message: `the gateway does not list ${id}, of which this laptop has a record: it was removed` }));
  }

  /** Every log that the index log or the tree names must be there. */
  async #compareWhole(tree: GatewayTree, listed: readonly SessionSummary[], index: AuditedLog): Promise<void> {
    const there = new Set<string>([index.logId, ...listed.flatMap(({ logs }) => logs.map(({ logId }) => logId))]);
    const named = new Map<string, string>([...this.#index.opened].map((logId) => [logId, 'its index log lists']));
    const name = (leaf: Uint8Array): void => {
      const logId = /^mcprec\/log\/([0-9a-f]{32})\n/.exec(Buffer.from(leaf).toString())?.[1];
      if (logId !== undefined) named.set(`log_${logId}`, 'its tree has checkpoints of');
    };
    this.#findings.push(...(await readTreeLeaves(this.#gateway, tree, name, this.#options.signal)));
    for (const [logId, how] of named) {
      if (there.has(logId) || (parseId('log', logId) !== undefined && (await this.#get(auditedLogSchema, auditPaths.log(logId), ['not_found'])) !== undefined))
        continue;
      this.#findings.push({ code: 'session_missing', message: `the gateway does not hold ${logId}, which ${how}: a session was removed whole` });
    }
  }

  async #read<T>(schema: z.ZodType<T>, path: string): Promise<T> {
    const parsed = schema.safeParse((await this.#gateway.request('GET', path, { signal: this.#options.signal })).json());
    if (!parsed.success) throw new McprecError('gateway_failed', 'the gateway’s answer is not what this mcprec understands', { cause: parsed.error });
    return parsed.data;
  }

  /** Undefined where the gateway answers with one of these errors. */
  async #get<T>(schema: z.ZodType<T>, path: string, absent: readonly string[]): Promise<T | undefined> {
    try {
      return await this.#read(schema, path);
    } catch (error) {
      if (absent.includes(asMcprecError(error).code)) return undefined;
      throw error;
    }
  }
}
