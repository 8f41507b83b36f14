// The outer edge of a session: where its requests go and how they are dressed. Two kinds: straight to an upstream (solo), or to a gateway.
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { DecisionId } from '../base/ids.ts';
import type { Secret } from '../base/secret.ts';
import { headers as ourHeaders } from '../protocol/control.ts';
import { dropHeaders, forwardedRequestHeaders, headerValue, type RawHeaders } from '../protocol/headers.ts';
import { bodyMac, signRequest } from '../protocol/signature.ts';
import type { AnswerVerdict, Outgoing } from '../transport/hop.ts';
import type { UpstreamRequest } from '../transport/upstream.ts';

export interface Edge {
  readonly credentials: 'keep' | 'drop';
  dress(outgoing: Outgoing): UpstreamRequest;
  judge(status: number, headers: RawHeaders): AnswerVerdict;
  /** Before a denial: asks for newer rules, and tells whether there are any. Left out where nobody has newer ones. */
  refresh?(): Promise<boolean>;
}

/** Solo: the client's own credential goes along, or the headers that `connect` was given in its place. */
export function soloEdge(url: URL, localToken: Secret, own: readonly (readonly [string, Secret])[]): Edge {
  const set = new Set(own.map(([name]) => name.toLowerCase()));
  return {
    credentials: 'keep',
    dress(outgoing) {
      const at = outgoing.target.indexOf('?');
      const query = at === -1 ? '' : outgoing.target.slice(at);
      const search = url.search === '' ? query : query === '' ? url.search : `${url.search}&${query.slice(1)}`;
      const headers = forwardedRequestHeaders(outgoing.headers, { credentials: 'keep', identityCoding: outgoing.identityCoding });
      return {
        origin: url.origin,
        path: `${url.pathname}${search}`,
        verb: outgoing.verb,
        headers: [
          ...withoutLocalToken(
            dropHeaders(headers, (name) => set.has(name)),
            localToken,
          ),
          ...own.flatMap(([name, secret]) => [name, secret.reveal()]),
        ],
        body: outgoing.body,
      };
    },
    judge: () => ({ kind: 'deliver' }),
  };
}

/** Solo, to a server that is a command: there is no credential to carry and no address. */
export const pipeEdge: Edge = {
  credentials: 'drop',
  dress: (outgoing) => ({
    origin: 'stdio:',
    path: outgoing.target,
    verb: outgoing.verb,
    headers: forwardedRequestHeaders(outgoing.headers, { credentials: 'drop', identityCoding: outgoing.identityCoding }),
    body: outgoing.body,
  }),
  judge: () => ({ kind: 'deliver' }),
};

/** What opens the gateway's data path for one session. A renewal replaces the token. */
export interface GatewayAccess {
  readonly gateway: string;
  readonly connection: string;
  readonly sessionId: string;
  readonly token: Secret;
  /** 32 bytes; lives in this process only. */
  readonly signingKey: KeyObject;
}

/** To the gateway: signed with the session's key (RULES R4), the grant's token as bearer. */
export function gatewayEdge(access: () => GatewayAccess, clock: Clock, refused: (code: string) => AnswerVerdict): Edge {
  return {
    credentials: 'drop',
    dress(outgoing) {
      const { gateway, connection, sessionId, token, signingKey } = access();
      const base = new URL(gateway);
      const path = `${base.pathname.replace(/\/$/, '')}/c/${encodeURIComponent(connection)}${outgoing.target}`;
      const headers = [
        ...forwardedRequestHeaders(outgoing.headers, { credentials: 'drop', identityCoding: outgoing.identityCoding }),
        ...['Mcprec-Session', sessionId, 'Mcprec-Exchange', outgoing.exchange],
        ...(outgoing.parent === undefined ? [] : ['Mcprec-Parent', outgoing.parent]),
        ...['Mcprec-Body-Mac', bodyMac(signingKey, outgoing.body ?? new Uint8Array())],
      ];
      const signature = signRequest({
        key: signingKey,
        method: outgoing.verb,
        targetUri: `${base.origin}${path}`,
        rawHeaders: headers,
        createdSeconds: Math.floor(clock.wallMs() / 1000),
      });
      headers.push('Authorization', `Bearer ${token.reveal()}`, 'Signature-Input', signature.signatureInput, 'Signature', signature.signature);
      return { origin: base.origin, path, verb: outgoing.verb, headers, body: outgoing.body };
    },
    judge(_status, headers) {
      const code = headerValue(headers, ourHeaders.refused);
      return code === undefined ? { kind: 'deliver' } : refused(code);
    },
  };
}

/** A refusal of the whole session, as the verdict on an answer. */
export function sessionRefusal(rule: string, reason: string, remedy: string, decisionId: DecisionId): AnswerVerdict {
  return { kind: 'refused', refusal: { rule, reason, remedy, decisionId, hidden: false } };
}

function withoutLocalToken(headers: readonly string[], localToken: Secret): string[] {
  const value = localToken.reveal();
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (!(headers[i + 1] as string).includes(value)) kept.push(headers[i] as string, headers[i + 1] as string);
  }
  return kept;
}
