// What stands above a session's timeline: who, where, when, how much, and whether its log verifies.
import { McprecError } from '../base/errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import type { SessionReport } from '../journal/verify.ts';
import { cut } from './columns.ts';
import { type OpeningFacts, type Recording, readFacts } from './recording.ts';
import { part, type Row, row, type ScreenPart } from './screen.ts';
import { stateText } from './session-facts.ts';
import { countText, identityText, timeText } from './words.ts';

export class SessionHead {
  readonly #journal: Journal;
  readonly #now: () => number;
  #session: SessionSummary;
  #facts: OpeningFacts | undefined;
  #report: SessionReport | undefined;
  #failure: McprecError | undefined;
  #turnsToVerify = 0;

  constructor(journal: Journal, session: SessionSummary, now: () => number) {
    this.#journal = journal;
    this.#session = session;
    this.#now = now;
    try {
      this.#facts = readFacts(journal, session.logId);
    } catch (error) {
      if (!(error instanceof McprecError)) throw error;
      this.#failure = error;
    }
  }

  get session(): SessionSummary {
    return this.#session;
  }

  /** How many rows `rows` returns. */
  get height(): number {
    return this.#facts?.reason === undefined ? 4 : 5;
  }

  /** Notes what made the rest of the session unreadable. */
  fail(error: McprecError): void {
    this.#failure = error;
  }

  refresh(): void {
    this.#session = this.#journal.findSession(this.#session.sessionId);
  }

  /** Says that the log is being verified; the turn after the next does it, so that this can be seen before. */
  askVerification(): void {
    this.#turnsToVerify = 2;
  }

  /** True where another turn is needed. */
  turn(): boolean {
    if (this.#turnsToVerify === 0) return false;
    this.#turnsToVerify--;
    if (this.#turnsToVerify === 0) this.verify();
    return this.#turnsToVerify > 0;
  }

  /** Recomputes the session's log: seconds for 100,000 entries. */
  verify(): void {
    this.#report = this.#journal.verifier().verifySession(this.#session.sessionId);
  }

  rows(width: number, recording: Recording): Row[] {
    const { connection, kind, gateway, identity, openedMs, calls, denied, masked, record } = this.#session;
    const where = gateway ?? `solo${this.#facts?.upstream === undefined ? '' : `, ${this.#facts.upstream}`}`;
    const counts = `${countText(calls, 'call')}, ${denied} denied, ${masked} masked`;
    const reason = this.#facts?.reason;
    const lines: readonly (readonly [string, string, ScreenPart?])[] = [
      ['who', `${identityText(identity)} on ${connection} (${kind}) · ${where}`],
      ['when', `${timeText(openedMs)} UTC, ${stateText(this.#session, this.#now())}`],
      ...(reason === undefined ? [] : ([['why', reason]] as const)),
      ['what', `${counts} · recorded: ${record}`],
      ['proof', `${this.#syncText()} · root ${this.#rootText(recording)} `, this.#verdict()],
    ];
    return lines.map(([label, text, last]) => row(part('note', label.padEnd(LABEL)), cut(text, width - LABEL), ...(last ? [last] : [])));
  }

  #syncText(): string {
    const { gateway, received, size } = this.#session;
    if (gateway === undefined) return 'self-attested';
    return received >= size ? 'synced' : `${received} of ${size} entries synced`;
  }

  #rootText({ entries, root }: Recording): string {
    return entries.length < this.#session.size ? '…' : Buffer.from(root).toString('hex').slice(0, 16);
  }

  #verdict(): ScreenPart {
    if (this.#failure !== undefined) return part('bad', `unreadable: ${this.#failure.message}`);
    if (this.#turnsToVerify > 0) return part('busy', 'verifying');
    if (this.#report === undefined) return part('note', 'not verified yet');
    const { findings, more } = this.#report;
    const [first] = findings;
    return first === undefined
      ? part('good', 'verified')
      : part('bad', `NOT VERIFIED: ${countText(findings.length + more, 'finding')}, first: ${first.message}`);
  }
}

const LABEL = 8;
