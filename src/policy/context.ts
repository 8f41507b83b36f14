// Who calls, in which session, by which clock: what conditions and hours are about beside the call itself.

export interface PolicyContext {
  readonly identity: {
    readonly issuer: string;
    readonly subject: string;
    readonly email?: string | undefined;
    readonly name?: string | undefined;
    readonly groups: readonly string[];
  };
  readonly session: { readonly id: string; readonly reason?: string | undefined; readonly device?: string | undefined; readonly openedMs: number };
  /** Wall time, in milliseconds. */
  readonly nowMs: () => number;
}

/** Somebody of whom nothing is known but groups, in a session that has just begun. */
export function someoneIn(groups: readonly string[], nowMs: () => number): PolicyContext {
  return { identity: { issuer: '', subject: '', groups }, session: { id: '', openedMs: nowMs() }, nowMs };
}
