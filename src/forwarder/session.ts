// One session at the forwarder: its log, its rules, its edge and its counters. `connect` and `exec` hold one per connection.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ConnectionKind, RecordMode } from '../base/connection.ts';
import { newId, type SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { Masked } from '../base/masked.ts';
import type { Secret } from '../base/secret.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { countsOf } from '../evidence/tail.ts';
import type { Checkpointer } from '../journal/checkpointer.ts';
import type { SessionLog } from '../journal/session-log.ts';
import { statementBytes } from '../mask/value.ts';
import type { PathRules } from '../path/rules.ts';
import { headers as ourHeaders } from '../protocol/control.ts';
import { headerValue } from '../protocol/headers.ts';
import { answerPlain, type Refusal } from '../protocol/refusal.ts';
import { answerLocally, serveExchange } from '../transport/exchange.ts';
import type { HoldKeeper } from '../transport/held.ts';
import type { Hop } from '../transport/hop.ts';
import { HopMemory } from '../transport/hop-memory.ts';
import type { ServerProcesses } from '../transport/server-process.ts';
import type { Upstream } from '../transport/upstream.ts';
import type { Edge } from './edge.ts';
import { InFlight } from './in-flight.ts';
import type { Lodger } from './listener.ts';

/** What a status line shows of a session. */
export interface SessionCounts {
  readonly calls: number;
  readonly denied: number;
  readonly masked: number;
  readonly failed: number;
  /** Calls that waited, or still wait, for an approval. */
  readonly held: number;
}

/** Why a session takes no more calls. */
export type SessionEnd = 'closed' | 'expired' | 'revoked';

export interface SessionParts {
  readonly log: SessionLog;
  readonly checkpoints: Checkpointer;
  readonly rules: PathRules;
  readonly edge: Edge;
  readonly upstream: Upstream;
  /** A server that lives and dies with the session. */
  readonly server?: SessionServer;
  readonly localToken: Secret;
  /** Called after every call, so that a status line can be drawn. */
  readonly changed: () => void;
  /** Resolves when the gateway has co-signed what the log holds now; left out where there is no gateway. */
  readonly witnessed?: () => Promise<void>;
  /** Who is asked about held calls where there is no gateway; left out where nobody can be. */
  readonly holds?: HoldKeeper;
}

export interface SessionServer {
  /** True of a server of HTTP+SSE (MCP 2024-11-05). */
  readonly isOld?: boolean;
  readonly processes?: ServerProcesses;
  /** Ends it in order, with all of its entries written. */
  close(): Promise<void>;
}

export class ForwarderSession implements Lodger {
  readonly sessionId: SessionId;
  readonly localToken: Secret;
  readonly log: SessionLog;
  readonly #parts: SessionParts;
  #rules: PathRules;
  readonly #counts = { calls: 0, denied: 0, masked: 0, failed: 0, held: 0 };
  #ended: SessionEnd | undefined;
  readonly #inFlight = new InFlight();
  readonly #memory = new HopMemory();

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#rules = parts.rules;
    this.sessionId = parts.log.sessionId;
    this.localToken = parts.localToken;
    this.log = parts.log;
  }

  get kind(): ConnectionKind {
    return this.#rules.kind;
  }

  get connection(): string {
    return this.#rules.connection;
  }

  get record(): RecordMode {
    return this.#rules.record;
  }

  /** The rules in force now. */
  get rules(): PathRules {
    return this.#rules;
  }

  /** The processes of a server that is a command; undefined where it is none. */
  get processes(): ServerProcesses | undefined {
    return this.#parts.server?.processes;
  }

  /** True where the server speaks HTTP+SSE, as did MCP 2024-11-05. */
  get servesOldTransport(): boolean {
    return this.#parts.server?.isOld ?? false;
  }

  get counts(): SessionCounts {
    return this.#counts;
  }

  get ended(): SessionEnd | undefined {
    return this.#ended;
  }

  /** Puts newer rules in force, from the next request on. */
  replaceRules(rules: PathRules): void {
    this.#rules = rules;
  }

  /** Where a client reaches this session on a listener of that origin. */
  endpoint(origin: string): string {
    switch (this.kind) {
      case 'mcp':
        return `${origin}/${this.localToken.reveal()}/mcp`;
      // Datadog's libraries take a host and send the local token as their key.
      case 'datadog-intake':
        return origin;
      case 'http':
        return `${origin}/${this.localToken.reveal()}`;
    }
  }

  async serve(request: IncomingMessage, response: ServerResponse, target: string, body: Buffer | undefined): Promise<void> {
    if (this.kind === 'mcp' && !/^\/mcp(?:\?|$)/.test(target)) {
      answerLocally(response, answerPlain(404, 'there is nothing here; the MCP endpoint ends in /mcp'));
      return;
    }
    const exchange = newId('exc', this.#rules.ids);
    const arrived = { request, response, target, body, exchange, parent: undefined };
    await this.#inFlight.run(request, (signal) => serveExchange(this.#hop(), { ...arrived, signal }));
    this.#parts.changed();
  }

  /** Takes no more calls from now on; those in flight go on. The first reason stays. */
  end(reason: SessionEnd): void {
    this.#ended ??= reason;
    this.#parts.changed();
  }

  /** Ends the session: waits a while for the calls in flight, then writes the `close` entry with the totals. */
  async close(reason: SessionEnd): Promise<void> {
    this.end(reason);
    // A stream that the client keeps open for what the server may say ends only when it is cut off.
    this.#inFlight.cutOff('streams');
    await this.#inFlight.drain(limits.drainMsMax);
    this.#inFlight.cutOff('all');
    await this.#inFlight.drain(limits.cutOffMsMax);
    await this.#parts.server?.close();
    const { checkpoints } = this.#parts;
    try {
      await this.log.close(this.#closing());
    } finally {
      await checkpoints.close();
    }
  }

  #closing(): EntryDraft {
    const { clock } = this.#rules.ids;
    const payload: Masked<Uint8Array> = statementBytes(this.#rules.masker, { session: this.sessionId, end: this.#ended ?? 'closed', ...this.log.counts }, {});
    return { kind: 'close', wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0, payload };
  }

  #hop(): Hop {
    const { edge, upstream, holds, witnessed } = this.#parts;
    return {
      rules: this.#rules,
      upstream,
      memory: this.#memory,
      credentials: edge.credentials,
      record: (entries) => this.append(entries),
      stopped: () => this.#stopped(),
      dress: (outgoing) => edge.dress(outgoing),
      judge: (status, headers) => {
        if (edge.credentials === 'drop' && headerValue(headers, ourHeaders.held) !== undefined) this.#count('held');
        return edge.judge(status, headers);
      },
      ...(edge.refresh !== undefined && { refreshed: async () => ((await edge.refresh?.()) ? this.#hop() : undefined) }),
      // Handles are the gateway's business: it is the one who shares an upstream credential among people (RULES R2).
      foreign: () => Promise.resolve(undefined),
      bind: () => Promise.resolve(),
      ...(holds !== undefined && { holds }),
      ...(witnessed !== undefined && { witnessed }),
      counted: (event) => this.#count(event),
    };
  }

  /** Writes entries of this session's own, in order; none where it is not recorded. */
  async append(entries: readonly EntryDraft[]): Promise<void> {
    const recorded = this.#rules.record !== 'off';
    if (recorded) await this.log.append(entries);
    // Counted as the journal counts, so that both say the same.
    for (const entry of entries) {
      const { calls, denied, masked } = countsOf(entry);
      this.#counts.calls += calls;
      this.#counts.denied += denied;
      if (recorded) this.#counts.masked += masked;
    }
  }

  #count(event: 'call' | 'denied' | 'failed' | 'held'): void {
    if (event === 'failed' || event === 'held') this.#counts[event]++;
    this.#parts.changed();
  }

  #stopped(): Refusal | undefined {
    if (this.#ended === undefined) return undefined;
    const decisionId = newId('dec', this.#rules.ids);
    switch (this.#ended) {
      case 'closed':
        return { rule: 'session-closed', reason: 'the session is being closed', remedy: 'Run: mcprec connect', decisionId, hidden: false };
      case 'expired':
        return {
          rule: 'grant-expired',
          reason: 'the grant has ended',
          remedy: 'Press r where mcprec connect runs, or run it again',
          decisionId,
          hidden: false,
        };
      case 'revoked':
        return {
          rule: 'grant-revoked',
          reason: 'the grant was revoked',
          remedy: 'Ask the platform owner why, then run: mcprec connect',
          decisionId,
          hidden: false,
        };
    }
  }
}
