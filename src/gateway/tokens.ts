// Says who makes a control call: checks the access token (RFC 9068, RFC 7519) and the DPoP proof that must come with it (RFC 9449).
import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { IdentityConfig } from '../policy/config.ts';
import type { Identity } from '../protocol/control.ts';
import { checkProof, type SpendProof } from './proof.ts';
import { ProviderKeys } from './provider-keys.ts';

/** Whoever made a control call. */
export interface Caller {
  readonly identity: Identity;
  /** Thumbprint (RFC 7638) of the DPoP key that proved the call. */
  readonly thumbprint: string;
  /** In one of the administrators' groups. */
  readonly admin: boolean;
}

export interface ControlCall {
  readonly method: string;
  /** Absolute, under the gateway's public address. */
  readonly url: string;
  readonly authorization: string | undefined;
  readonly dpop: string | undefined;
}

export interface TokenChecks {
  readonly identity: IdentityConfig;
  readonly clock: Clock;
  readonly spendProof: SpendProof;
}

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

export class Tokens {
  readonly #checks: TokenChecks;
  readonly #keys: ProviderKeys;

  constructor(checks: TokenChecks) {
    this.#checks = checks;
    this.#keys = new ProviderKeys(checks.identity.issuer);
  }

  /** Throws `token_invalid`, `proof_invalid`, `provider_unreachable` or `provider_failed`. */
  async identify(call: ControlCall): Promise<Caller> {
    const { identity: config, clock, spendProof } = this.#checks;
    const { scheme, token } = readAuthorization(call.authorization);
    const claims = await this.#verify(token);
    const boundTo = boundKey(claims);
    if (boundTo === undefined && mustBeBound(claims, config.boundTokens)) {
      throw new McprecError('token_invalid', 'the access token is not bound to a key, and this gateway takes only bound ones', {
        remedy: 'have the identity provider bind access tokens (DPoP), or set identity.bound_tokens to when-offered',
      });
    }
    if (boundTo !== undefined && scheme !== 'dpop') throw new McprecError('token_invalid', 'the access token is bound to a key and was sent without saying so');
    const thumbprint = await checkProof(call, { token, boundTo, nowMs: clock.wallMs(), skewMs: config.clockSkewMs, spendProof });
    const identity = identityOf(claims, config);
    return { identity, thumbprint, admin: identity.groups.some((group) => config.adminGroups.includes(group)) };
  }

  async #verify(token: string): Promise<JWTPayload> {
    const { identity: config, clock } = this.#checks;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#keys.find, {
        issuer: config.issuer,
        audience: config.audience,
        algorithms,
        clockTolerance: config.clockSkewMs / 1000,
        currentDate: new Date(clock.wallMs()),
        requiredClaims: ['sub', 'exp'],
      });
      const isIdToken = protectedHeader.typ?.toLowerCase() !== 'at+jwt' && ['at_hash', 'c_hash', 'nonce'].some((claim) => claim in payload);
      if (isIdToken) throw new McprecError('token_invalid', 'this is an ID token, not an access token');
      return payload;
    } catch (error) {
      throw asTokenFault(error, config);
    }
  }
}

function readAuthorization(value: string | undefined): { readonly scheme: string; readonly token: string } {
  const [, scheme = '', token = ''] = /^(DPoP|Bearer) +([A-Za-z0-9._~+/=-]+)$/i.exec(value ?? '') ?? [];
  if (token === '') throw new McprecError('token_invalid', value === undefined ? 'no access token was sent' : 'the Authorization header holds no access token');
  return { scheme: scheme.toLowerCase(), token };
}

function boundKey({ cnf }: JWTPayload): string | undefined {
  if (typeof cnf !== 'object' || cnf === null) return undefined;
  const { jkt } = cnf as { readonly jkt?: unknown };
  // A confirmation by other means (a certificate) is one that we cannot check.
  if (typeof jkt !== 'string') throw new McprecError('token_invalid', 'the access token is bound to something other than a DPoP key');
  return jkt;
}

function identityOf(claims: JWTPayload, config: IdentityConfig): Identity {
  const { sub = '', email } = claims;
  return { issuer: config.issuer, subject: sub, groups: groupsOf(claims, config.groupsClaim), ...(typeof email === 'string' && { email }) };
}

function mustBeBound(claims: JWTPayload, rule: IdentityConfig['boundTokens']): boolean {
  return rule === 'required' || (rule === 'people' && !isMachine(claims));
}

/** A client that logged in as itself (RFC 9068 §2.2: its subject is the client), or a workload of a cluster. Few issuers of such tokens bind them. */
function isMachine({ sub = '', client_id: client, azp }: JWTPayload): boolean {
  return sub === client || sub === azp || sub.startsWith('system:serviceaccount:');
}

/** The claim of that name, or along it as a path (`realm_access.roles`). */
function groupsOf(claims: JWTPayload, claim: string): string[] {
  let value: unknown = claims[claim];
  if (value === undefined && claim.includes('.')) {
    value = claim
      .split('.')
      .reduce<unknown>(
        (at, key) => (typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined),
        claims,
      );
  }
  const groups = (Array.isArray(value) ? value : [value]).filter((group) => typeof group === 'string');
  if (groups.length > limits.groupsMax) throw new McprecError('token_invalid', `the access token names more than ${limits.groupsMax} groups`);
  return [...new Set(groups)];
}

function asTokenFault(error: unknown, { issuer, audience }: IdentityConfig): unknown {
  if (error instanceof McprecError) return error;
  const invalid = (message: string) => new McprecError('token_invalid', message, { cause: error });
  if (error instanceof errors.JWTExpired) return invalid('the access token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return invalid(`the access token is from another issuer than ${issuer}`);
    if (error.claim === 'aud') return invalid(`the access token is for another audience than ${audience}`);
    if (error.claim === 'nbf' || error.claim === 'iat') return invalid('the access token is not valid yet: a clock is wrong');
    return invalid(`the access token’s claim ${error.claim} is missing or wrong`);
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed)
    return invalid(`the access token is not signed by ${issuer}`);
  if (error instanceof errors.JOSEError) return invalid('the access token cannot be read or is signed with an algorithm that is not taken');
  return error;
}
