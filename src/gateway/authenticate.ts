// Lets a request onto the data path: the grant's token, the session that it belongs to, the signature of the process that was given it (RULES R4).
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { type ErrorCode, errorTable } from '../base/errors.ts';
import { type ExchangeId, parseId, type SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { headers as ours } from '../protocol/control.ts';
import { headerValue, type RawHeaders } from '../protocol/headers.ts';
import { isIntakeAddress, type LocalAnswer } from '../protocol/refusal.ts';
import { isBodyMac, type SignatureFault, verifySignature } from '../protocol/signature.ts';
import type { Store } from '../store/store.ts';
import type { LiveSession, LiveSessions } from './live.ts';

export interface DataRequest {
  readonly method: string;
  /** Path with query, as it came. */
  readonly target: string;
  /** The connection that the path names. */
  readonly connection: string;
  readonly rawHeaders: RawHeaders;
}

/** A request whose head was let in. Its body is let in by `takeBody`. */
export interface Admission {
  readonly kind: 'admitted';
  readonly session: LiveSession;
  readonly exchange: ExchangeId;
  readonly parent: ExchangeId | undefined;
}

export interface Refused {
  readonly kind: 'refused';
  readonly status: 401 | 403 | 409;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface AuthenticatorParts {
  readonly publicUrl: string;
  readonly store: Store;
  readonly live: LiveSessions;
  readonly clock: Clock;
}

const faultTexts: Readonly<Record<SignatureFault, string>> = {
  missing: 'the request is not signed',
  malformed: 'the signature is not in the form that a gateway takes',
  coverage: 'the signature does not cover all that it must, or something was added on the way',
  stale: 'the signature was made too long ago, or one of the clocks is wrong',
  mismatch: 'the signature is not that of this session, or the request was changed on the way',
};

interface TokenOwner {
  readonly sessionId: SessionId;
  readonly expiresMs: number;
}

export class Authenticator {
  readonly #parts: AuthenticatorParts;
  /** Digest of a token → its session, and when the token ends. */
  readonly #tokens = new Map<string, TokenOwner>();

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts;
  }

  /** Checks everything but the body, before that is read. Throws what the store throws. */
  async admit(request: DataRequest): Promise<Admission | Refused> {
    const session = await this.#sessionOf(request.rawHeaders);
    if ('kind' in session) return session;
    if (session.connection !== request.connection) return refuse(403, 'connection_denied', `the grant is for connection ${session.connection}`);
    const check = verifySignature({
      key: session.signingKey,
      method: request.method,
      targetUri: `${this.#parts.publicUrl}${request.target}`,
      rawHeaders: request.rawHeaders,
      nowMs: this.#parts.clock.wallMs(),
    });
    if (!check.ok) return refuse(401, 'signature_invalid', faultTexts[check.fault]);
    const exchange = parseId('exc', headerValue(request.rawHeaders, ours.exchange) ?? '');
    const parentText = headerValue(request.rawHeaders, ours.parent);
    const parent = parentText === undefined ? undefined : parseId('exc', parentText);
    if (exchange === undefined || (parentText !== undefined && parent === undefined))
      return refuse(401, 'signature_invalid', 'the ids of the exchange are malformed');
    return { kind: 'admitted', session, exchange, parent };
  }

  /**
   * Checks the body, as it came over this hop, against its MAC. Where nothing is recorded it claims the exchange too; otherwise the
   * request's entry does (SessionLog.append). Undefined where the body is let in.
   */
  async takeBody({ session, exchange }: Admission, rawHeaders: RawHeaders, body: Uint8Array): Promise<Refused | undefined> {
    if (!isBodyMac(session.signingKey, headerValue(rawHeaders, ours.bodyMac) ?? '', body))
      return refuse(401, 'signature_invalid', 'the body was changed on the way');
    if (session.rules.record !== 'off' || (await session.log.claim(exchange))) return undefined;
    return refuse(409, 'exchange_repeated', 'this call was made before and is not executed again');
  }

  async #sessionOf(rawHeaders: RawHeaders): Promise<LiveSession | Refused> {
    const sessionId = parseId('ses', headerValue(rawHeaders, ours.session) ?? '');
    const token = /^Bearer ([A-Za-z0-9_-]{1,200})$/.exec(headerValue(rawHeaders, 'authorization') ?? '')?.[1];
    if (sessionId === undefined || token === undefined) return refuse(401, 'grant_ended', 'the request carries no grant');
    const owner = await this.#ownerOf(token);
    if (owner !== undefined && owner.sessionId !== sessionId) return refuse(401, 'signature_invalid', 'the token belongs to another session');
    const session = owner === undefined ? undefined : await this.#parts.live.get(owner.sessionId, owner.expiresMs);
    if (session === undefined || session.ended !== undefined || session.expiresMs <= this.#parts.clock.wallMs()) return this.#endedRefusal(sessionId);
    return session;
  }

  async #ownerOf(token: string): Promise<TokenOwner | undefined> {
    const { store, clock } = this.#parts;
    const nowMs = clock.wallMs();
    const digest = createHash('sha256').update(token).digest();
    const key = digest.toString('base64');
    const known = this.#tokens.get(key) ?? (await store.sessionOfToken(digest, nowMs));
    if (known === undefined || known.expiresMs <= nowMs) {
      this.#tokens.delete(key);
      return undefined;
    }
    if (this.#tokens.size >= limits.tokensCachedMax) this.#tokens.clear();
    this.#tokens.set(key, known);
    return known;
  }

  async #endedRefusal(sessionId: SessionId): Promise<Refused> {
    const stored = await this.#parts.store.session(sessionId);
    if (stored?.state === 'revoked') return refuse(401, 'grant_revoked', 'the grant was revoked');
    return refuse(401, 'grant_ended', 'the grant has ended, or its token has');
  }
}

/** The answer to a request that was not let in: 401 points at our own metadata (RULES R11), never at the upstream's. */
export function answerRefused(refused: Refused, publicUrl: string, target: string): LocalAnswer {
  const { status, code, message } = refused;
  const { remedy } = errorTable[code];
  const challenge = `Bearer resource_metadata="${publicUrl}/.well-known/oauth-protected-resource", error="invalid_token"`;
  return {
    status,
    headers: ['Content-Type', 'application/json', 'Mcprec-Refused', code, ...(status === 401 ? ['WWW-Authenticate', challenge] : [])],
    body: JSON.stringify(isIntakeAddress(target) ? { errors: [`${message}; ${remedy}`] } : { error: { code, message, remedy } }),
  };
}

function refuse(status: Refused['status'], code: ErrorCode, message: string): Refused {
  return { kind: 'refused', status, code, message };
}
