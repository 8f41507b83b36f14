// Records sessions with a clock that is set by hand, through the real masker and the real journal.
import { type ExchangeId, type IdSource, newId, type SessionId } from '../../src/base/ids.ts';
import type { Direction, EntryDraft, MessageKind, Names } from '../../src/evidence/entry.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { SessionLog } from '../../src/journal/session-log.ts';
import { compileMasker } from '../../src/mask/compile.ts';
import { maskedBytes, maskValue, statementBytes } from '../../src/mask/value.ts';
import { countingRandom } from '../evidence/samples.ts';

/** Ten in the morning of 22 November 2026, UTC. */
export const MORNING = Date.UTC(2026, 10, 22, 10, 0, 0);

// One source for all sessions of a test file: their ids differ, and are the same in every run.
const random = countingRandom('recorder');
const masker = compileMasker({ detectors: ['secrets', 'email', 'card'], fields: [] });

export class HandClock {
  #ms: number;
  readonly #startMs: number;

  constructor(startMs = MORNING) {
    this.#ms = startMs;
    this.#startMs = startMs;
  }

  wallMs(): number {
    return Math.floor(this.#ms);
  }

  monoUs(): number {
    return Math.round((this.#ms - this.#startMs) * 1000);
  }

  pass(ms: number): void {
    this.#ms += ms;
  }
}

export interface Message {
  readonly direction?: Direction;
  readonly message?: MessageKind;
  readonly names?: Names;
  /** JSON is stringified, a text is recorded as it is. */
  readonly body?: unknown;
  readonly final?: boolean;
  readonly status?: number;
  readonly failed?: boolean;
  readonly parent?: ExchangeId;
  readonly deniedBy?: string;
}

export class Recorder {
  readonly clock: HandClock;
  readonly sessionId: SessionId;
  readonly log: SessionLog;
  readonly #ids: IdSource;

  private constructor(log: SessionLog, sessionId: SessionId, clock: HandClock, ids: IdSource) {
    this.log = log;
    this.sessionId = sessionId;
    this.clock = clock;
    this.#ids = ids;
  }

  /** Opens a session; `opening` replaces or adds members of its opening. */
  static async open(journal: Journal, opening: Record<string, unknown> = {}, clock = new HandClock()): Promise<Recorder> {
    const ids = { clock, random };
    const sessionId = newId('ses', ids);
    const stated = { session: sessionId, connection: 'datadog', kind: 'mcp', record: 'full', ...opening };
    const log = await journal.openSession({
      logId: newId('log', ids),
      open: { kind: 'open', wallMs: clock.wallMs(), monoUs: clock.monoUs(), wireBytes: 0, payload: statementBytes(masker, stated, {}) },
    });
    return new Recorder(log, sessionId, clock, ids);
  }

  newExchange(): ExchangeId {
    return newId('exc', this.#ids);
  }

  draft(exchange: ExchangeId, { body, names, deniedBy, direction = 'up', message = 'request', ...rest }: Message): EntryDraft {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const masked = text === undefined ? undefined : masker.mask(text, { form: /^\s*[[{]/.test(text) ? 'json' : 'text', scope: 'mcp', target: 'record' });
    const count = masked?.count ?? 0;
    const id = newId('dec', this.#ids);
    return {
      kind: 'message',
      wallMs: this.clock.wallMs(),
      monoUs: this.clock.monoUs(),
      exchange,
      direction,
      message,
      ...rest,
      wireBytes: text === undefined ? 0 : Buffer.byteLength(text),
      ...(direction === 'up' && { decision: deniedBy === undefined ? { effect: 'allow', id } : { effect: 'deny', id, rule: deniedBy } }),
      ...(masked && { payload: maskedBytes(masked) }),
      ...(count > 0 && { maskedCount: count }),
      ...(names && { names: maskValue(masker, names).value }),
    };
  }

  /** Records messages of one exchange at this moment. */
  async say(exchange: ExchangeId, ...messages: readonly Message[]): Promise<void> {
    await this.log.append(messages.map((message) => this.draft(exchange, message)));
  }

  /** Records a call of a tool and, `tookMs` later, its answer; returns its id. */
  async call(tool: string, args: unknown, result: unknown, tookMs = 120): Promise<ExchangeId> {
    const exchange = this.newExchange();
    await this.say(exchange, toolCall(tool, args));
    this.clock.pass(tookMs);
    await this.say(exchange, { direction: 'down', message: 'response', status: 200, final: true, body: { jsonrpc: '2.0', id: 1, result } });
    this.clock.pass(500);
    return exchange;
  }

  async close(end = 'closed'): Promise<void> {
    const payload = statementBytes(masker, { session: this.sessionId, end }, {});
    await this.log.close({ kind: 'close', wallMs: this.clock.wallMs(), monoUs: this.clock.monoUs(), wireBytes: 0, payload });
  }
}

export function toolCall(tool: string, args: unknown): Message {
  return { names: { method: 'tools/call', tool }, body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } } };
}

/** A session as an engineer leaves one: searches, a failure, a denial, progress, a batch of metrics, an abort. */
export async function recordWork(journal: Journal, clock = new HandClock(), opening: Record<string, unknown> = {}): Promise<Recorder> {
  const identity = { issuer: 'https://login.example.com', subject: 'ana', email: 'ana@example.com', groups: ['sre'] };
  const work = await Recorder.open(journal, { gateway: 'https://mcprec.example.com', identity, reason: 'INC-4711: checkout is slow', ...opening }, clock);
  const first = work.newExchange();
  clock.pass(40);
  await work.say(first, {
    names: { method: 'initialize' },
    body: { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', clientInfo: { name: 'claude-code', version: '3.1.0' } } },
  });
  clock.pass(65);
  await work.say(first, {
    direction: 'down',
    message: 'response',
    status: 200,
    final: true,
    body: { jsonrpc: '2.0', id: 0, result: { protocolVersion: '2025-11-25', serverInfo: { name: 'datadog', version: '1.4.2' } } },
  });
  clock.pass(900);
  const logs = {
    logs: [
      {
        service: 'checkout',
        status: 'error',
        message: 'card 4111 1111 1111 1111 declined for ana.perez@example.org',
        attributes: { trace_id: '9007199254740993' },
      },
    ],
    total: 1,
  };
  await work.call(
    'search_datadog_logs',
    { query: 'service:checkout status:error', from: 'now-15m' },
    { content: [{ type: 'text', text: JSON.stringify(logs) }] },
    238,
  );
  await work.call(
    'get_datadog_metric',
    { query: 'avg:checkout.latency{env:prod}' },
    {
      content: [{ type: 'text', text: 'p50 120 ms\np95 840 ms\np99 2,310 ms' }],
      structuredContent: {
        points: [
          [1764000000, 120.5],
          [1764000060, 131.25],
        ],
      },
    },
    1_450,
  );
  const denied = work.newExchange();
  await work.say(denied, { ...toolCall('delete_monitor', { monitor_id: 81_223 }), deniedBy: 'no-delete', final: true });
  clock.pass(2_000);
  const long = work.newExchange();
  await work.say(long, toolCall('analyze_datadog_logs', { sql: 'SELECT count(*) FROM logs GROUP BY service' }));
  for (let progress = 1; progress <= 3; progress++) {
    clock.pass(400);
    await work.say(long, {
      direction: 'down',
      message: 'notification',
      status: 200,
      names: { method: 'notifications/progress' },
      body: { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 7, progress, total: 3 } },
    });
  }
  await work.say(long, {
    direction: 'down',
    message: 'response',
    status: 200,
    final: true,
    failed: true,
    body: { jsonrpc: '2.0', id: 1, result: { isError: true, content: [{ type: 'text', text: 'query took too long' }] } },
  });
  clock.pass(30_000);
  const gone = work.newExchange();
  await work.say(gone, toolCall('search_datadog_spans', { query: 'service:checkout' }));
  clock.pass(5_000);
  await work.say(gone, { direction: 'down', message: 'end', final: true, failed: true, names: { note: 'client_gone' } });
  return work;
}
