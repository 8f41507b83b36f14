// Brings an answer that is one message to the client: as it comes, but for its last piece, which waits for the entry.
import { limits } from '../base/limits.ts';
import type { AnswerMessage } from '../path/answer.ts';
import { endExchange } from '../path/answer.ts';
import type { WireFacts } from '../path/drafts.ts';
import type { RunningMac } from '../path/rules.ts';
import { headersForRecord, headersOfChanged, headerValue } from '../protocol/headers.ts';
import { decodeUtf8 } from '../protocol/message.ts';
import { decodeContent } from './body.ts';
import type { AnswerBody, AnswerHead, Outlet } from './outlet.ts';

export class WholeBody implements AnswerBody {
  /** The last piece is held back until the entry is written: the others leave as they come. */
  readonly joins = false;
  readonly #outlet: Outlet;
  readonly #head: AnswerHead;
  readonly #entering: ((bytes: Buffer) => Buffer) | undefined;
  /** The message, as long as it is not too long to be read. */
  #kept: Buffer[] = [];
  #seenBytes = 0;
  /** Runs from where the message was too long on. */
  #mac: RunningMac | undefined;
  /** The newest piece: it may be the last. */
  #held: Buffer | undefined;

  constructor(outlet: Outlet, head: AnswerHead) {
    this.#outlet = outlet;
    this.#head = head;
    this.#entering = outlet.entering(head);
  }

  chunk(came: Buffer): undefined {
    const bytes = this.#entering?.(came) ?? came;
    this.#seenBytes += bytes.length;
    if (this.#mac !== undefined) this.#mac.update(bytes);
    else {
      this.#kept.push(bytes);
      if (this.#seenBytes > limits.answerBytesMax) this.#letGo();
    }
    if (this.#isWithheld) return;
    const before = this.#held;
    this.#held = bytes;
    if (before === undefined) return;
    this.#begin();
    this.#outlet.write(before);
  }

  async end(): Promise<void> {
    const { status, headers } = this.#head;
    if (this.#seenBytes === 0) {
      await this.#outlet.record([endExchange(this.#outlet.rules, this.#outlet.facts(undefined, 0), { status, failed: status >= 400 })]);
      this.#deliver(undefined, undefined);
      return;
    }
    const body = this.#mac === undefined ? joined(this.#kept) : undefined;
    const text = body === undefined ? undefined : await this.#textOf(body);
    if (text === undefined) this.#outlet.mustRead('it is not text');
    const facts = this.#outlet.facts(body, this.#seenBytes, this.#mac?.end());
    const message: AnswerMessage = { facts, status, text, names: { headers: headersForRecord(headers) }, whole: true };
    const { entry, changed } = await this.#outlet.take(message);
    await this.#outlet.bindIn(text);
    await this.#outlet.record([entry]);
    this.#deliver(body, changed);
  }

  broken(): WireFacts {
    if (!this.#isWithheld && this.#outlet.hasBegun && this.#held !== undefined) this.#outlet.write(this.#held);
    return this.#outlet.facts(this.#mac === undefined ? joined(this.#kept) : undefined, this.#seenBytes, this.#mac?.end());
  }

  /** A body that breaks off stays cut. */
  lastWords(): undefined {}

  close(): void {}

  /** True where nothing may be delivered before all of it was looked at. */
  get #isWithheld(): boolean {
    return this.#outlet.rewrites && this.#mac === undefined;
  }

  /** The message is too long: from here on it passes, and only its length and MAC are recorded (RULES R3). */
  #letGo(): void {
    this.#outlet.mustRead(`it is longer than ${limits.answerBytesMax} bytes`);
    this.#mac = this.#outlet.rules.startMac();
    for (const bytes of this.#kept) this.#mac.update(bytes);
    if (this.#outlet.rewrites) {
      this.#begin();
      // All but the newest, which is on its way to be held.
      for (const bytes of this.#kept.slice(0, -1)) this.#outlet.write(bytes);
    }
    this.#kept = [];
  }

  #begin(): void {
    this.#outlet.begin(this.#head.status, this.#outlet.forwarded(this.#head.headers));
  }

  #deliver(body: Buffer | undefined, changed: string | undefined): void {
    if (changed !== undefined) {
      const bytes = Buffer.from(changed, 'utf8');
      this.#outlet.begin(this.#head.status, headersOfChanged(this.#outlet.forwarded(this.#head.headers), bytes.length));
      this.#outlet.end(bytes);
      return;
    }
    this.#begin();
    this.#outlet.end(this.#isWithheld ? body : this.#held);
  }

  /** The decoded text of a body, or undefined where it is not text that can be read (it is recorded as opaque then). */
  async #textOf(body: Buffer): Promise<string | undefined> {
    const coding = headerValue(this.#head.headers, 'content-encoding');
    if (coding === undefined) return decodeUtf8(body);
    const decoded = await decodeContent(body, coding, limits.answerBytesMax);
    return decoded.kind === 'decoded' ? decodeUtf8(decoded.bytes) : undefined;
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
}
