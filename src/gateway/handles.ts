// Binds what the upstream hands out to whom it was handed (RULES R2). Keeps keyed digests only, never a handle itself.
import { createHmac, type KeyObject } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { ForeignHandle, Handle } from '../protocol/handles.ts';
import type { GuardStore } from '../store/guard-store.ts';

/** Whose a handle is. The same handle may be several people's: cursors of a list are often alike. */
export interface HandleOwner {
  readonly connection: string;
  readonly issuer: string;
  readonly subject: string;
}

/** Stands for any task that the upstream of a connection gave to anybody; no identity has this issuer. */
const anyTask: Handle = { kind: 'task', value: '*' };
const anybodyOn = ({ connection }: HandleOwner): HandleOwner => ({ connection, issuer: '', subject: '' });

export class Handles {
  readonly #key: KeyObject;
  readonly #store: Pick<GuardStore, 'keepHandles' | 'handleExpiry'>;
  readonly #clock: Clock;
  /** Digest → when it expires; the longest unused first. */
  readonly #known = new Map<string, number>();

  constructor(key: KeyObject, store: Pick<GuardStore, 'keepHandles' | 'handleExpiry'>, clock: Clock) {
    this.#key = key;
    this.#store = store;
    this.#clock = clock;
  }

  /** Remembers handles that the upstream gave to `owner`; durable once it resolves. */
  async bind(handles: readonly Handle[], owner: HandleOwner): Promise<void> {
    const nowMs = this.#clock.wallMs();
    const marks = handles.some(({ kind }) => kind === 'task') ? [this.#digest(anyTask, anybodyOn(owner))] : [];
    const fresh = [...marks, ...handles.map((handle) => this.#digest(handle, owner))].filter((mac) => this.#isStale(this.#known.get(mac), nowMs));
    if (fresh.length === 0) return;
    const expiresMs = nowMs + limits.handleMsMax;
    await this.#store.keepHandles(
      fresh.map((mac) => Buffer.from(mac, 'base64')),
      expiresMs,
    );
    for (const mac of fresh) this.#remember(mac, expiresMs);
  }

  /** The first of `handles` that was not given to `owner`, or undefined. One that is used is kept for longer. */
  async foreign(handles: readonly Handle[], owner: HandleOwner): Promise<ForeignHandle | undefined> {
    for (const handle of handles) {
      if (await this.#owns(handle, owner)) continue;
      return { ...handle, tasksGiven: handle.kind === 'task' && (await this.#owns(anyTask, anybodyOn(owner))) };
    }
    return undefined;
  }

  async #owns(handle: Handle, owner: HandleOwner): Promise<boolean> {
    const nowMs = this.#clock.wallMs();
    const mac = this.#digest(handle, owner);
    const expiresMs = this.#known.get(mac) ?? (await this.#store.handleExpiry(Buffer.from(mac, 'base64'), nowMs));
    if (expiresMs === undefined || expiresMs <= nowMs) return false;
    this.#remember(mac, expiresMs);
    if (this.#isStale(expiresMs, nowMs)) await this.bind([handle], owner);
    return true;
  }

  /** Written again once half of its time is over, so that not every use is a write. */
  #isStale(expiresMs: number | undefined, nowMs: number): boolean {
    return expiresMs === undefined || expiresMs - nowMs < limits.handleMsMax / 2;
  }

  #remember(mac: string, expiresMs: number): void {
    this.#known.delete(mac);
    this.#known.set(mac, expiresMs);
    if (this.#known.size <= limits.handlesMax) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  #digest({ kind, value }: Handle, { connection, issuer, subject }: HandleOwner): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([kind, connection, issuer, subject, value]))
      .digest('base64');
  }
}
