// Who calls, in which session, by which clock: what conditions and hours are about beside the call itself.
import { type CelInput, celMap } from '@bufbuild/cel';
import { celTime } from './cel-values.ts';

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

/** The variables of a condition that are the same for all calls of a session. */
export interface SessionVariables {
  readonly identity: CelInput;
  readonly session: CelInput;
  readonly connection: CelInput;
}

/** `identity`, `session` and `connection`; what is not known of them is empty. */
export function sessionVariables({ identity, session }: PolicyContext, connection: { readonly name: string; readonly kind: string }): SessionVariables {
  const { issuer, subject, email = '', groups } = identity;
  const map = (members: Readonly<Record<string, CelInput>>) => celMap(new Map(Object.entries(members)));
  return {
    identity: map({ issuer, subject, email, groups: [...groups] }),
    session: map({ id: session.id, reason: session.reason ?? '', device: session.device ?? '', opened: celTime(session.openedMs) }),
    connection: map({ name: connection.name, kind: connection.kind }),
  };
}
