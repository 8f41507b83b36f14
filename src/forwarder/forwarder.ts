// The forwarder of one `connect` or `exec`: journal, listener, one session per connection, and the sync beside them.
import { Closers } from '../base/closers.ts';
import type { McprecError } from '../base/errors.ts';
import { asMcprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { soloSigner } from '../identity/solo-key.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import type { SyncLag } from '../journal/outbox.ts';
import { SyncFollower } from '../sync/follower.ts';
import { witnessSolo } from '../sync/solo-witness.ts';
import { UpstreamPool } from '../transport/upstream.ts';
import type { GrantedSession } from './granted.ts';
import { Listener } from './listener.ts';
import { openGranted } from './open-granted.ts';
import type { ForwarderOptions } from './options.ts';
import { keepPlace, type Place } from './places.ts';
import { pruneAtStart } from './retention.ts';
import type { Seat } from './seat.ts';
import { abandon, grantedOptions, openSeat, placeKey, placeOf } from './targets.ts';

export interface CloseReport {
  readonly lag: SyncLag;
  /** Why the last sync did not bring everything, where it did not. */
  readonly syncError: McprecError | undefined;
}

export class Forwarder {
  readonly seats: readonly Seat[];
  readonly listener: Listener;
  /** The port that is remembered for the connection, where it was taken and another one is used. */
  readonly portMissed: number | undefined;
  readonly #options: ForwarderOptions;
  readonly #journal: Journal;
  readonly #upstream: UpstreamPool;
  readonly #follower: SyncFollower | undefined;
  #syncError: McprecError | undefined;

  private constructor(
    options: ForwarderOptions,
    parts: { journal: Journal; upstream: UpstreamPool; listener: Listener; portMissed: number | undefined; seats: readonly Seat[] },
  ) {
    this.#options = options;
    this.#journal = parts.journal;
    this.#upstream = parts.upstream;
    this.listener = parts.listener;
    this.portMissed = parts.portMissed;
    this.seats = parts.seats;
    this.#follower = this.#openFollower();
  }

  /** Opens everything, or nothing: what was opened is closed again where a later step fails. */
  static async open(options: ForwarderOptions): Promise<Forwarder> {
    await using undo = new Closers();
    const journal = undo.use(openJournal({ path: options.journal, synchronous: options.synchronous, bytesMax: options.journalBytesMax, ...options.ids }));
    await pruneAtStart(journal, options);
    const upstream = new UpstreamPool();
    undo.defer(() => upstream.close());
    const places = options.targets.map((target) => placeOf(target, options));
    const { listener, portMissed } = await openListener(options, places[0]);
    undo.defer(() => listener.close());
    const relay: { changed: () => void; ended: (session: GrantedSession) => void } = { changed: () => undefined, ended: () => undefined };
    const seats: Seat[] = [];
    for (const [i, target] of options.targets.entries()) {
      const seat = await openSeat(target, places[i] as Place, { options, journal, upstream, relay });
      undo.defer(() => abandon(seat));
      listener.add(seat);
      seats.push(seat);
    }
    const forwarder = new Forwarder(options, { journal, upstream, listener, portMissed, seats });
    relay.changed = () => forwarder.#changed();
    relay.ended = (session) => forwarder.#ended(session);
    if (!options.ephemeral && options.port !== 'none' && portMissed === undefined) {
      for (const [i, target] of options.targets.entries()) keepPlace(options.home, placeKey(target), { ...(places[i] as Place), port: listener.port });
    }
    await forwarder.#witnessSolo();
    undo.release();
    return forwarder;
  }

  /** What the gateway lacks, over all sessions in the journal. */
  get lag(): SyncLag {
    return this.#journal.syncLag();
  }

  /** Why the last try to sync failed, where it did. */
  get syncError(): McprecError | undefined {
    return this.#syncError;
  }

  /** Asks for a new grant where one has ended. Throws what the gateway says. */
  async extend(): Promise<void> {
    for (const [i, target] of this.#options.targets.entries()) {
      const seat = this.seats[i] as Seat;
      const old = seat.granted;
      if (target.kind !== 'gateway' || old === undefined || seat.session.ended === undefined) continue;
      seat.reseat(
        await openGranted(
          grantedOptions(target, seat.localToken, { options: this.#options, journal: this.#journal, upstream: this.#upstream, relay: this.#relay() }),
        ),
      );
      await this.#closeOne(old);
    }
  }

  /** Ends the sessions, syncs what there is, frees the port. Safe to call once. */
  async close(): Promise<CloseReport> {
    const deadline = AbortSignal.timeout(limits.closeMsMax);
    for (const seat of this.seats) {
      try {
        if (seat.granted === undefined) await seat.session.close(seat.session.ended ?? 'closed');
        else await seat.granted.close();
      } catch (error) {
        this.#options.report({ event: 'trouble', message: `the session’s close could not be recorded: ${asMcprecError(error).message}` });
      }
    }
    await this.#witnessSolo();
    await this.listener.close();
    await this.#lastSync(deadline);
    await this.#upstream.close();
    const lag = this.#journal.syncLag();
    this.#journal[Symbol.dispose]();
    return { lag, syncError: this.#syncError };
  }

  async #lastSync(deadline: AbortSignal): Promise<void> {
    if (this.#follower === undefined) return;
    try {
      const pushed = await this.#follower.flush(deadline);
      this.#syncError = pushed?.refused[0]?.error;
      for (const seat of this.seats) await seat.granted?.tellClosed();
    } catch (error) {
      this.#syncError = asMcprecError(error);
    }
    this.#follower.stop();
  }

  /** Nobody refuses calls where a witness is away: the session is self-attested then, and its user is told. */
  async #witnessSolo(): Promise<void> {
    const { soloWitnesses = [], targets, home, report } = this.#options;
    if (soloWitnesses.length === 0 || targets.every(({ kind }) => kind === 'gateway')) return;
    try {
      await witnessSolo(this.#journal, soloSigner(home), soloWitnesses);
    } catch (error) {
      const { message, remedy } = asMcprecError(error);
      report({ event: 'trouble', message: `the solo log is not co-signed: ${message}; ${remedy}` });
    }
  }

  async #closeOne(granted: GrantedSession): Promise<void> {
    await granted.close().catch((error: unknown) => this.#options.report({ event: 'trouble', message: asMcprecError(error).message }));
    this.#follower?.nudge();
  }

  #relay() {
    return { changed: () => this.#changed(), ended: (session: GrantedSession) => this.#ended(session) };
  }

  #changed(): void {
    this.#follower?.nudge();
    this.#options.report({ event: 'changed' });
  }

  #ended({ session }: GrantedSession): void {
    this.#options.report({ event: 'ended', sessionId: session.sessionId, connection: session.connection, reason: session.ended ?? 'closed' });
  }

  #openFollower(): SyncFollower | undefined {
    const target = this.#options.targets.find((t) => t.kind === 'gateway');
    if (target === undefined) return undefined;
    return new SyncFollower({
      journal: this.#journal,
      identity: target.identity,
      clock: this.#options.ids.clock,
      required: this.#options.witnesses ?? [],
      random: this.#options.ids.random,
      tried: (error) => {
        this.#syncError = error;
        this.#options.report({ event: 'changed' });
      },
    });
  }
}

// A second `connect` to the same connection finds the remembered port taken by the first: it serves on another one.
async function openListener(options: ForwarderOptions, place: Place | undefined): Promise<{ listener: Listener; portMissed: number | undefined }> {
  if (options.port === 'none') return { listener: Listener.unopened(), portMissed: undefined };
  if (options.port !== undefined) return { listener: await Listener.open(options.port), portMissed: undefined };
  const remembered = place?.port ?? 0;
  try {
    return { listener: await Listener.open(remembered), portMissed: undefined };
  } catch (error) {
    if (remembered === 0 || asMcprecError(error).code !== 'port_taken') throw error;
    return { listener: await Listener.open(0), portMissed: remembered };
  }
}
