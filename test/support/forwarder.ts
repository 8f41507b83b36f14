// A real solo forwarder in this process, with a journal in a directory of its own.
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { StoredEntry } from '../../src/evidence/seal.ts';
import { Forwarder } from '../../src/forwarder/forwarder.ts';
import type { ForwarderOptions } from '../../src/forwarder/options.ts';
import type { ForwarderSession } from '../../src/forwarder/session.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { type TempDir, tempDir } from './temp.ts';

export const ids = { clock: systemClock, random: systemRandom };

export class SoloForwarder implements AsyncDisposable {
  readonly forwarder: Forwarder;
  readonly #home: TempDir;
  #closed = false;

  private constructor(forwarder: Forwarder, home: TempDir) {
    this.forwarder = forwarder;
    this.#home = home;
  }

  static async open(url: string, options: Partial<ForwarderOptions> = {}): Promise<SoloForwarder> {
    const home = tempDir();
    const forwarder = await Forwarder.open({ ...soloOptions(url, home.path), ...options });
    return new SoloForwarder(forwarder, home);
  }

  get home(): string {
    return this.#home.path;
  }

  get session(): ForwarderSession {
    const [seat] = this.forwarder.seats;
    if (seat === undefined) throw new Error('no seat');
    return seat.session;
  }

  get port(): number {
    return this.forwarder.listener.port;
  }

  get token(): string {
    return this.session.localToken.reveal();
  }

  get endpoint(): string {
    return this.session.endpoint(this.forwarder.listener.origin);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.forwarder.close();
  }

  /** Closes the session and gives what the journal holds of it; fails where the journal does not verify. */
  async recorded(): Promise<readonly StoredEntry[]> {
    await this.close();
    return readJournal(this.home, this.session.sessionId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    this.#home[Symbol.dispose]();
  }
}

/** Options of a forwarder to one URL. */
export function soloOptions(url: string, home: string): ForwarderOptions {
  return {
    home,
    journal: join(home, 'journal.db'),
    version: '0.0.0',
    synchronous: 'FULL',
    journalBytesMax: limits.journalBytesMax,
    targets: [{ kind: 'solo', url: new URL(url) }],
    port: undefined,
    ephemeral: false,
    rotate: false,
    reason: undefined,
    ttlSeconds: undefined,
    approvalWait: { msMax: undefined, signal: new AbortController().signal },
    ids,
    report: () => undefined,
  };
}

/** The entries of a session in the journal of `home`. Fails where the session does not verify. */
export function readJournal(home: string, sessionId: string): readonly StoredEntry[] {
  using journal = openJournal({ path: join(home, 'journal.db'), clock: systemClock, random: systemRandom, mode: 'read' });
  const { findings } = journal.verifier().verifySession(journal.findSession(sessionId).sessionId);
  if (findings.length > 0) throw new Error(JSON.stringify(findings));
  const { logId } = journal.findSession(sessionId);
  const entries: StoredEntry[] = [];
  for (;;) {
    const more = journal.entries(logId, entries.length, 1_000);
    if (more.length === 0) return entries;
    entries.push(...more);
  }
}

/** The payload of a stored entry as text. */
export function textOf(entry: StoredEntry | undefined): string | undefined {
  return entry?.payload === undefined ? undefined : Buffer.from(entry.payload).toString('utf8');
}
