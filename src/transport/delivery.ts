// Brings one answer to the client: its pieces in the order in which they came, as fast as the client takes them, and its end
// however it ends. What is done with the pieces is the business of whole-body.ts and event-stream.ts.
import { asMcprecError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { endExchange } from '../path/answer.ts';
import type { OpenExchange } from '../path/rules.ts';
import { handlesInHeaders } from '../protocol/handles.ts';
import { headerValue, isEventStream, type RawHeaders } from '../protocol/headers.ts';
import { LINES_TYPE, LineSplitter } from '../protocol/lines.ts';
import type { Refusal } from '../protocol/refusal.ts';
import { SseSplitter } from '../protocol/sse.ts';
import { type ClientSide, isDone, whenDone } from './client.ts';
import { EventStream } from './event-stream.ts';
import type { Hop } from './hop.ts';
import { type AnswerBody, Outlet, Unreadable } from './outlet.ts';
import type { AnswerFlow, AnswerReceiver, UpstreamFailure } from './upstream.ts';
import { WholeBody } from './whole-body.ts';

/** Why nothing is delivered: the upstream failed, the next hop refused the call, or the answer is withheld. */
export type NoAnswer = UpstreamFailure | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface DeliveryOptions {
  readonly hop: Hop;
  readonly response: ClientSide;
  readonly open: OpenExchange;
  /** Sends a message of ours to the server, in the client's MCP session. */
  readonly tell: (body: Buffer) => void;
  readonly mcpSessionId: string | undefined;
  /** What an exchange that was given up is noted as. */
  readonly whyAborted: () => string;
  /** Called once: the answer is delivered or its client gone; or, with a reason, nothing was written and nothing will be. */
  readonly settle: (failure?: NoAnswer) => void;
}

export class Delivery implements AnswerReceiver {
  readonly #options: DeliveryOptions;
  readonly #outlet: Outlet;
  #flow: AnswerFlow | undefined;
  #body: AnswerBody | undefined;
  /** The last step; the next one waits for it. */
  #work: Promise<void> = Promise.resolve();
  /** What came while a step was running. */
  #waiting: Buffer[] = [];
  #queuedBytes = 0;
  #paused = false;
  #over = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#outlet = new Outlet(options);
  }

  /** True where the answer may have to be changed on its way, and so must come unpacked. */
  get rewrites(): boolean {
    return this.#outlet.rewrites;
  }

  started(status: number, headers: RawHeaders, flow: AnswerFlow, reason?: string): void {
    this.#flow = flow;
    this.#outlet.reason = reason;
    this.#options.response.on('drain', () => this.#regulate());
    this.#then(() => this.#begin(status, headers));
  }

  data(chunk: Buffer): void {
    this.#queuedBytes += chunk.length;
    this.#regulate();
    if (this.#waiting.push(chunk) === 1) this.#then(() => this.#takeWaiting());
  }

  async #takeWaiting(): Promise<void> {
    const chunks = this.#waiting.splice(0);
    for (const bytes of this.#body?.joins && chunks.length > 1 ? [Buffer.concat(chunks)] : chunks) {
      await this.#body?.chunk(bytes);
      this.#queuedBytes -= bytes.length;
      this.#regulate();
    }
  }

  ended(): void {
    this.#then(async () => {
      await this.#body?.end();
      this.#finish();
    });
  }

  failed(failure: UpstreamFailure): void {
    if (this.#flow === undefined) {
      this.#settleWith(failure);
      return;
    }
    this.#then(async () => {
      if (!this.#outlet.hasBegun) {
        this.#settleWith(failure);
        return;
      }
      const aborted = failure.kind === 'aborted';
      const facts = this.#body?.broken() ?? this.#outlet.facts(undefined, 0);
      const end = endExchange(this.#outlet.rules, facts, { failed: !aborted, note: aborted ? this.#options.whyAborted() : 'upstream_lost' });
      await this.#outlet.record([end]);
      if (!aborted) this.#options.hop.counted('failed');
      const words = aborted ? undefined : this.#body?.lastWords(`the upstream broke off before it answered (${failure.reason}); it may have been executed`);
      if (words !== undefined) this.#outlet.write(words);
      this.#outlet.breakOff();
      this.#finish();
    });
  }

  // Steps wait for each other, so that bytes leave in the order in which they came while entries are being written.
  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#over) return;
      try {
        await step();
      } catch (error) {
        await this.#failClosed(error);
      }
    });
  }

  async #begin(status: number, headers: RawHeaders): Promise<void> {
    const verdict = this.#options.hop.judge(status, headers);
    if (verdict.kind !== 'deliver') {
      this.#flow?.abort();
      this.#settleWith(verdict.kind === 'refused' ? verdict : { kind: 'turned_away', notSent: true, reason: verdict.reason });
      return;
    }
    await this.#outlet.bind(handlesInHeaders(headers));
    const head = { status, headers };
    const type = headerValue(headers, 'content-type');
    if (isEventStream(type)) this.#body = new EventStream(this.#outlet, head, new SseSplitter(limits.answerBytesMax));
    else if (type === LINES_TYPE) this.#body = new EventStream(this.#outlet, head, new LineSplitter(limits.answerBytesMax));
    else this.#body = new WholeBody(this.#outlet, head);
  }

  /** The upstream is to wait while the client does not keep up, or too much waits here. */
  #regulate(): void {
    const full = this.#queuedBytes > limits.deliveryQueueBytesMax || this.#outlet.isFull;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#flow?.pause();
    else this.#flow?.resume();
  }

  /** All is written; the client may still have to take it. */
  #finish(): void {
    const { response, settle } = this.#options;
    this.#over = true;
    this.#body?.close();
    if (isDone(response)) settle();
    else whenDone(response, settle);
  }

  #settleWith(failure: NoAnswer): void {
    this.#over = true;
    this.#body?.close();
    this.#options.settle(failure);
  }

  /** The answer cannot be recorded or masked: it, or its rest, is not delivered (DESIGN §4, rules 1 and 3). */
  async #failClosed(error: unknown): Promise<void> {
    this.#flow?.abort();
    const refusal = withheld(error, this.#options.hop);
    if (!this.#outlet.hasBegun) {
      this.#settleWith({ kind: 'refused', refusal });
      return;
    }
    const end = endExchange(this.#outlet.rules, this.#outlet.facts(undefined, 0), { failed: true, note: `withheld: ${refusal.rule}` });
    await this.#outlet.record([end]).catch(() => undefined);
    this.#options.hop.counted('failed');
    this.#options.response.destroy();
    this.#finish();
  }
}

function withheld(error: unknown, { rules }: Hop): Refusal {
  const decisionId = newId('dec', rules.ids);
  if (error instanceof Unreadable) {
    const reason = `the call was executed, but its answer ${error.message}`;
    return { rule: error.rule, reason, remedy: 'Ask for less at once', decisionId, hidden: false };
  }
  const { message, remedy } = asMcprecError(error);
  const reason = `the call was executed, but its answer cannot be recorded and is withheld: ${message}`;
  return { rule: 'recording', reason, remedy, decisionId, hidden: false };
}
