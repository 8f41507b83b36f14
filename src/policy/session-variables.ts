// What a condition reads about the caller, the session and the connection, as values of its language.
import { type CelInput, celMap } from '@bufbuild/cel';
import { celTime } from './cel-values.ts';
import type { PolicyContext } from './context.ts';

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
