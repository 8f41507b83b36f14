// Keeps a client alive whose call waits for a human: progress notifications where it asked for them, comments of SSE otherwise.
import { member } from '../base/json.ts';
import { limits } from '../base/limits.ts';
import { draftEntry, type WireFacts } from '../path/drafts.ts';
import type { HeldCall } from '../path/hold.ts';
import { headerValues, type RawHeaders } from '../protocol/headers.ts';
import { waitingNotification } from '../protocol/refusal.ts';
import type { ClientSide } from './client.ts';
import { HeldAnswer } from './held-answer.ts';
import type { Hop } from './hop.ts';

/** Smaller than what a server's own progress of the same request begins with. */
const PROGRESS_STEP = 0.0001;

export interface WaitingClient {
  readonly response: ClientSide;
  readonly held: HeldCall;
  readonly approvalId: string;
  /** What the client is told with each sign of life. */
  readonly text: string;
  /** How long it may have to wait. */
  readonly msMax: number;
}

/** Gives signs of life until it is stopped. A client that takes no event stream gets none, and waits for its answer. */
export class KeepAlive {
  /** Where the answer goes. */
  readonly response: ClientSide;
  readonly #hop: Hop;
  readonly #client: WaitingClient;
  readonly #token: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #beats = 0;

  constructor(hop: Hop, client: WaitingClient) {
    this.#hop = hop;
    this.#client = client;
    const { response, held, approvalId, msMax } = client;
    this.#token = tokenOf(held);
    if (held.message === undefined || !takesEvents(held.request.headers)) {
      this.response = response;
      return;
    }
    const headers = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache', 'X-Accel-Buffering', 'no', 'Mcprec-Held', approvalId];
    response.writeHead(200, headers);
    response.flushHeaders();
    this.response = new HeldAnswer(response, held.message.idLexeme);
    this.#beat();
    this.#timer = setInterval(() => this.#beat(), Math.min(limits.holdBeatMs, Math.max(1, msMax / 3)));
  }

  /** Resolves when the last sign of life is out. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#work;
  }

  #beat(): void {
    this.#work = this.#work.then(async () => {
      const { response, text } = this.#client;
      if (this.#token === undefined) {
        response.write(Buffer.from(':\n\n'));
        return;
      }
      try {
        const message = waitingNotification(this.#token, PROGRESS_STEP * ++this.#beats, text);
        await this.#record(message);
        response.write(Buffer.from(`event: message\ndata: ${message}\n\n`));
      } catch {
        // What cannot be recorded is not delivered; the call itself is refused for it in the end.
        clearInterval(this.#timer);
      }
    });
  }

  // The next hop records it as a message like any other: this one has to know it too.
  #record(message: string): Promise<void> {
    const { rules } = this.#hop;
    const { clock } = rules.ids;
    const wire = Buffer.from(message);
    const facts: WireFacts = {
      exchange: this.#client.held.request.facts.exchange,
      at: { wallMs: clock.wallMs(), monoUs: clock.monoUs() },
      wire,
      wireBytes: wire.length,
    };
    const names = { method: 'notifications/progress', note: `held: ${this.#client.approvalId}` };
    return this.#hop.record([
      draftEntry(rules, facts, { kind: 'message', direction: 'down', message: 'notification' }, { text: message, form: 'json' }, names),
    ]);
  }
}

/** True where the client names event streams among what it takes. */
function takesEvents(headers: RawHeaders): boolean {
  return headerValues(headers, 'accept').some((value) => /(?:^|,)\s*text\/event-stream\s*(?:$|,|;(?!\s*q=0(?:\.0*)?\s*(?:$|,)))/i.test(value));
}

/** The progress token as JSON text, where the client asked for progress. */
function tokenOf({ message }: HeldCall): string | undefined {
  const token = member(member(message?.params, '_meta'), 'progressToken');
  if (token?.type === 'number') return token.lexeme;
  return token?.type === 'string' ? JSON.stringify(token.value) : undefined;
}
