// Where one answer goes: its entries to the record, its handles to whoever keeps them, its bytes to the client.
import type { EntryDraft } from '../evidence/entry.ts';
import { type AnswerMessage, type AnswerStep, masksAnswers, mayChange, mayHide, takeHttpAnswer, takeMcpAnswer } from '../path/answer.ts';
import type { Moment, WireFacts } from '../path/drafts.ts';
import type { OpenExchange, PathRules } from '../path/rules.ts';
import { type RefusedRequests, refuseServer, refusesRequests } from '../path/server-requests.ts';
import { type Handle, handlesInAnswer } from '../protocol/handles.ts';
import { forwardedAnswerHeaders, type RawHeaders } from '../protocol/headers.ts';
import { noteMirroredParams } from '../protocol/request-headers.ts';
import type { ClientSide } from './client.ts';
import type { Hop } from './hop.ts';
import { withPayload } from './payloads.ts';

/** The head of an upstream's answer. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: RawHeaders;
}

/** The answer cannot be masked or looked at as it must be, and so is not delivered (DESIGN §4, rule 3). */
export class Unreadable extends Error {
  readonly rule: 'unmaskable' | 'unreadable';

  constructor(rule: Unreadable['rule'], why: string) {
    super(`${rule === 'unmaskable' ? 'cannot be masked' : 'cannot be looked at as policy asks'} and is withheld: ${why}`);
    this.rule = rule;
  }
}

export interface OutletParts {
  readonly hop: Hop;
  readonly response: ClientSide;
  readonly open: OpenExchange;
  /** Sends a message of ours to the server, in the client's MCP session. */
  readonly tell: (body: Buffer) => void;
  /** What the client's request names. */
  readonly mcpSessionId: string | undefined;
}

export class Outlet {
  readonly open: OpenExchange;
  /** True where the answer may have to be changed, so that whole messages must be held. */
  readonly rewrites: boolean;
  /** What the upstream wrote beside its status. */
  reason: string | undefined;
  readonly #hop: Hop;
  readonly #response: ClientSide;
  readonly #tell: (body: Buffer) => void;
  readonly #mcpSessionId: string | undefined;

  constructor({ hop, response, open, tell, mcpSessionId }: OutletParts) {
    this.#hop = hop;
    this.#tell = tell;
    this.#response = response;
    this.#mcpSessionId = mcpSessionId;
    this.open = open;
    this.rewrites = mayChange(hop.rules, open);
  }

  get rules(): PathRules {
    return this.#hop.rules;
  }

  /** True where the client takes nothing more for the moment. */
  get isFull(): boolean {
    return this.#response.writableNeedDrain;
  }

  get hasBegun(): boolean {
    return this.#response.headersSent;
  }

  /** Throws `Unreadable` where what cannot be read must not pass. */
  mustRead(why: string): void {
    if (masksAnswers(this.open) && this.rules.unmaskable === 'refuse') throw new Unreadable('unmaskable', why);
    // What policy keeps from the client could stand in it.
    if (refusesRequests(this.rules) || mayHide(this.rules, this.open) || (this.#hop.mustReadLists === true && mayList(this.open)))
      throw new Unreadable('unreadable', why);
  }

  /** The entry and the bytes of one message. */
  async take(message: AnswerMessage): Promise<AnswerStep> {
    const step = this.#step({ ...message, mayBeLate: true });
    return step.late === undefined ? step : { ...step, entry: await withPayload(step.entry, step.late, this.rules.ids.random) };
  }

  #step(message: AnswerMessage): AnswerStep {
    if (message.text !== undefined && mayList(this.open)) noteMirroredParams(message.text, this.#hop.memory.mirrored);
    if (this.rules.kind !== 'mcp') return takeHttpAnswer(this.rules, this.open, message);
    const place = this.#mcpSessionId;
    const { sent } = this.#hop.memory;
    const step = takeMcpAnswer(this.rules, this.open, place === undefined ? message : { ...message, earlier: (id) => sent.find(place, id) });
    if (place !== undefined && step.answers !== undefined) sent.answered(place, step.answers.idLexeme);
    if (step.refused !== undefined) this.#refuse(step.refused);
    return step;
  }

  /** The answer is a stream, which may break off and be taken up again by another request of its client. */
  rememberRequests(): void {
    if (this.#mcpSessionId !== undefined) this.#hop.memory.sent.remember(this.#mcpSessionId, this.open);
  }

  /** The stream came to its end, and has no ids by which it could be taken up again. */
  forgetRequests(): void {
    if (this.#mcpSessionId !== undefined) this.#hop.memory.sent.forget(this.#mcpSessionId, this.open);
  }

  // Beside the answer: the server may wait for this before it goes on. What cannot be recorded is not sent.
  #refuse({ ids, reasons }: RefusedRequests): void {
    for (const id of ids) {
      const { entry, body } = refuseServer(this.rules, this.facts(undefined, 0), id, reasons);
      this.record([entry]).then(
        () => this.#tell(Buffer.from(body, 'utf8')),
        () => undefined,
      );
    }
  }

  record(entries: readonly EntryDraft[]): Promise<void> {
    return entries.length === 0 ? Promise.resolve() : this.#hop.record(entries);
  }

  bind(handles: readonly Handle[]): Promise<void> {
    return handles.length === 0 ? Promise.resolve() : this.#hop.bind(handles);
  }

  /** Remembers the handles in a message of the upstream, and the tools that it lists. */
  async bindIn(text: string | undefined, eventId?: string): Promise<void> {
    await this.bind(handlesInAnswer(text ?? '', eventId));
    if (text !== undefined && mayList(this.open)) await this.#hop.listed?.({ text, exchange: this.open.exchange });
  }

  /** Facts of a message of this exchange; `mac` is the one of a message that was not kept. */
  facts(wire: Uint8Array | undefined, wireBytes: number, mac?: Uint8Array): WireFacts {
    return { exchange: this.open.exchange, at: this.#now(), wire, mac, wireBytes };
  }

  /** The answer's headers as they may be delivered. */
  forwarded(headers: RawHeaders): string[] {
    return forwardedAnswerHeaders(headers, { credentials: this.#hop.credentials ?? 'drop' });
  }

  /** What the bytes of a body with that head become before they are looked at; undefined where they stay as they are. */
  entering({ status, headers }: AnswerHead): ((bytes: Buffer) => Buffer) | undefined {
    return this.#response.entering?.(status, headers);
  }

  /** Sends the head, once. */
  begin(status: number, headers: readonly string[]): void {
    if (this.#response.headersSent) return;
    if (this.reason) this.#response.statusMessage = this.reason;
    this.#response.writeHead(status, [...headers]);
  }

  /** The head leaves now, not with the first bytes of a body that may be long in coming. */
  flush(): void {
    this.#response.flushHeaders();
  }

  write(bytes: Buffer): void {
    if (!this.#response.destroyed && bytes.length > 0) this.#response.write(bytes);
  }

  end(bytes?: Buffer): void {
    this.#response.end(bytes);
  }

  /** Delivers what was written and hangs up without an end, so that the client does not take it for the whole. */
  breakOff(): void {
    this.#response.socket?.destroySoon();
  }

  #now(): Moment {
    const { clock } = this.rules.ids;
    return { wallMs: clock.wallMs(), monoUs: clock.monoUs() };
  }
}

// A stream that belongs to no request may bring the answer to an earlier one.
function mayList({ requests }: OpenExchange): boolean {
  return requests.length === 0 || requests.some(({ method }) => method === 'tools/list');
}

/** What brings the body of an answer through an outlet. Its steps are run one after the other. */
export interface AnswerBody {
  /** True where pieces that wait for their turn are better taken as one. */
  readonly joins: boolean;
  chunk(bytes: Buffer): Promise<void> | undefined;
  end(): Promise<void>;
  /** Bytes that came so far, and a MAC over those that no entry holds yet, for an answer that breaks off. */
  broken(): WireFacts;
  /** What tells the client of a call that the answer will not come, where the answer broke off at a place where that can be said. */
  lastWords(reason: string): Buffer | undefined;
  close(): void;
}
