// What limits an access entry beside its lists: namespaces, tags, hours and a budget of calls.
import { createHash } from 'node:crypto';
import type { GlobIndex } from './glob.ts';
import type { Budget } from './granted.ts';
import { canonicalJson } from './hash.ts';
import { describeHours, HoursClock } from './hours.ts';
import type { ProjectedAccess } from './projection.ts';
import { indexOf } from './scopes.ts';

export class EntryLimits {
  readonly namespaces: readonly string[];
  readonly metrics: GlobIndex | undefined;
  readonly tags: readonly string[];
  readonly budget: Budget | undefined;
  readonly hoursText: string;
  readonly #hours: HoursClock | undefined;

  constructor(entry: ProjectedAccess) {
    const { metrics, tags = [], hours, calls } = entry;
    this.namespaces = metrics ?? [];
    this.metrics = indexOf(metrics);
    this.tags = tags;
    this.#hours = hours === undefined ? undefined : new HoursClock(hours);
    this.hoursText = hours === undefined ? '' : describeHours(hours);
    this.budget = calls === undefined ? undefined : { ...calls, key: createHash('sha256').update(canonicalJson(entry)).digest('base64url') };
  }

  /** True where a call must show what it is about. */
  get isRestricted(): boolean {
    return this.metrics !== undefined || this.tags.length > 0;
  }

  isOpenAt(wallMs: number): boolean {
    return this.#hours === undefined || this.#hours.includes(wallMs);
  }
}
