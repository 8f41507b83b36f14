// Looks for newer policy before a denial: for all that are denied at once together, not often, and not for long.
import { limits } from '../base/limits.ts';

export class Freshness {
  readonly #renew: () => Promise<void>;
  #renewing: Promise<void> | undefined;
  #renewedMs = Number.NEGATIVE_INFINITY;

  constructor(renew: () => Promise<void>) {
    this.#renew = renew;
  }

  /** Resolves when that is done, was done a moment ago, or takes too long. `nowMs` is wall time. */
  async once(nowMs: number): Promise<void> {
    if (this.#renewing === undefined && Math.abs(nowMs - this.#renewedMs) < limits.policyRefreshMsMin) return;
    this.#renewedMs = nowMs;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limits.policyRefreshMsMax);
    await Promise.race([this.#renewing, late]);
    clearTimeout(timer);
  }
}
