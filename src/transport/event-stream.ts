// Brings an answer that is a stream of events, or of lines, to the client: each message is recorded before what ends its event or line.
import { limits } from '../base/limits.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { endExchange } from '../path/answer.ts';
import type { WireFacts } from '../path/drafts.ts';
import type { RunningMac } from '../path/rules.ts';
import { headersOfChanged, headerValue } from '../protocol/headers.ts';
import { asEvent, asLine, type LinePiece, LineSplitter } from '../protocol/lines.ts';
import { rpcFailure } from '../protocol/refusal.ts';
import { type SsePiece, type SseSplitter, withData } from '../protocol/sse.ts';
import { codingsOf } from './body.ts';
import type { AnswerBody, AnswerHead, Outlet } from './outlet.ts';
import { openStreamDecoder, type StreamDecoder } from './stream-decoder.ts';

type Splitter = SseSplitter | LineSplitter;
type Piece = SsePiece | LinePiece;

/** Bytes that were not decoded, of an event or of all the rest of a stream. */
interface Opaque {
  readonly mac: RunningMac;
  bytes: number;
}

export class EventStream implements AnswerBody {
  /** A server that says much in little pieces does not wait for the disk with each of them. */
  readonly joins = true;
  readonly #outlet: Outlet;
  readonly #head: AnswerHead;
  readonly #entering: ((bytes: Buffer) => Buffer) | undefined;
  readonly #splitter: Splitter;
  readonly #decoder: StreamDecoder | undefined;
  #seenBytes = 0;
  #finalSeen = false;
  /** An event had an id: the client takes the stream up again by itself. */
  #resumable = false;
  /** An event that is too long to be read. */
  #overlong: Opaque | undefined;
  /** What came since the stream could no longer be decoded. */
  #undecoded: Opaque | undefined;

  constructor(outlet: Outlet, head: AnswerHead, splitter: Splitter) {
    this.#splitter = splitter;
    this.#outlet = outlet;
    this.#head = head;
    this.#entering = outlet.entering(head);
    const codings = codingsOf(headerValue(head.headers, 'content-encoding'));
    if (codings.length === 1) this.#decoder = openStreamDecoder(codings[0] as string, limits.answerBytesMax);
    if (codings.length > 0 && this.#decoder === undefined) this.#giveUpDecoding(`its coding ${codings.join()} is not known`);
    const forwarded = outlet.forwarded(head.headers);
    outlet.begin(head.status, outlet.rewrites && this.#undecoded === undefined ? headersOfChanged(forwarded, undefined) : forwarded);
    outlet.flush();
    outlet.rememberRequests();
  }

  async chunk(came: Buffer): Promise<void> {
    const bytes = this.#entering?.(came) ?? came;
    this.#seenBytes += bytes.length;
    const decoded = await this.#decode(bytes);
    if (decoded === undefined) {
      this.#outlet.write(bytes);
      return;
    }
    const pieces = this.#splitter.push(decoded);
    const delivered = await this.#take(pieces);
    if (!this.#outlet.rewrites) this.#outlet.write(bytes);
    else for (const piece of delivered) this.#outlet.write(piece);
  }

  async end(): Promise<void> {
    const rest = this.#undecoded === undefined ? this.#splitter.end() : undefined;
    const delivered = rest === undefined ? [] : await this.#take([rest]);
    await this.#outlet.record(await this.#lastEntries());
    for (const bytes of this.#outlet.rewrites ? delivered : []) this.#outlet.write(bytes);
    if (this.#finalSeen && !this.#resumable) this.#outlet.forgetRequests();
    this.#outlet.end();
  }

  broken(): WireFacts {
    return this.#outlet.facts(undefined, this.#seenBytes, (this.#undecoded ?? this.#overlong)?.mac.end());
  }

  lastWords(reason: string): Buffer | undefined {
    const [request, another] = this.#outlet.open.requests;
    const packed = this.#decoder !== undefined && !this.#outlet.rewrites;
    if (request === undefined || another !== undefined || this.#finalSeen || this.#resumable || packed || this.#undecoded !== undefined) return undefined;
    if (!this.#splitter.isBetween) return undefined;
    const message = Buffer.from(rpcFailure(request.idLexeme, reason));
    return this.#splitter instanceof LineSplitter ? asLine(message) : asEvent(message);
  }

  close(): void {
    this.#decoder?.close();
  }

  /** The decoded bytes, or undefined where they are to pass as they are. */
  async #decode(bytes: Buffer): Promise<Buffer | undefined> {
    if (this.#undecoded === undefined) {
      if (this.#decoder === undefined) return bytes;
      try {
        return await this.#decoder.push(bytes);
      } catch (error) {
        // Behind a head that promised decoded events, the rest cannot be delivered as it comes.
        if (this.#outlet.rewrites) throw error;
        this.#giveUpDecoding((error as Error).message);
      }
    }
    if (this.#undecoded !== undefined) add(this.#undecoded, bytes);
    return undefined;
  }

  #giveUpDecoding(why: string): void {
    this.#outlet.mustRead(why);
    this.#undecoded = this.#startOpaque();
  }

  /** Records what the pieces bring; resolves to the bytes to deliver. */
  async #take(pieces: readonly Piece[]): Promise<readonly Buffer[]> {
    const entries: EntryDraft[] = [];
    const delivered: Buffer[] = [];
    for (const piece of pieces) {
      const { entry, bytes } = await this.#takePiece(piece);
      if (entry !== undefined) entries.push(entry);
      delivered.push(bytes);
      if (piece.kind === 'line') await this.#outlet.bindIn(piece.message.toString('utf8'));
      if (piece.kind === 'event' && piece.id !== undefined) this.#resumable = true;
      if (piece.kind === 'event') await this.#outlet.bindIn(piece.data, piece.id);
    }
    await this.#outlet.record(entries);
    return delivered;
  }

  async #takePiece(piece: Piece): Promise<{ entry: EntryDraft | undefined; bytes: Buffer }> {
    if (piece.kind === 'part') return { entry: await this.#takePart(piece.raw, piece.last), bytes: piece.raw };
    const { raw } = piece;
    const data = piece.kind === 'line' ? piece.message.toString('utf8') : piece.data;
    if (data === undefined || data === '') return { entry: undefined, bytes: raw };
    const facts = this.#outlet.facts(Buffer.from(data, 'utf8'), raw.length);
    const { entry, changed } = await this.#outlet.take({ facts, status: this.#head.status, text: data, whole: false });
    if (entry.final) this.#finalSeen = true;
    if (changed === undefined) return { entry, bytes: raw };
    return { entry, bytes: piece.kind === 'line' ? asLine(Buffer.from(changed, 'utf8')) : withData(piece, changed) };
  }

  async #takePart(raw: Buffer, last: boolean): Promise<EntryDraft | undefined> {
    this.#outlet.mustRead(`an event is longer than ${limits.answerBytesMax} bytes`);
    this.#overlong ??= this.#startOpaque();
    const event = this.#overlong;
    add(event, raw);
    if (!last) return undefined;
    this.#overlong = undefined;
    return this.#opaqueEntry(event, false);
  }

  async #lastEntries(): Promise<EntryDraft[]> {
    if (this.#undecoded !== undefined) return [await this.#opaqueEntry(this.#undecoded, true)];
    if (this.#finalSeen) return [];
    const facts = this.#outlet.facts(undefined, this.#seenBytes);
    return [endExchange(this.#outlet.rules, facts, { status: this.#head.status, failed: this.#head.status >= 400, note: 'stream_ended' })];
  }

  async #opaqueEntry({ mac, bytes }: Opaque, whole: boolean): Promise<EntryDraft> {
    const facts = this.#outlet.facts(undefined, bytes, mac.end());
    return (await this.#outlet.take({ facts, status: this.#head.status, text: undefined, whole })).entry;
  }

  #startOpaque(): Opaque {
    return { mac: this.#outlet.rules.startMac(), bytes: 0 };
  }
}

function add(opaque: Opaque, bytes: Buffer): void {
  opaque.mac.update(bytes);
  opaque.bytes += bytes.length;
}
