// The identity provider's keys: found by its metadata, cached, asked for again when a token names an unknown one, but not too often.
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.url() });

export class ProviderKeys {
  readonly #issuer: string;
  #keys: Promise<JWTVerifyGetKey> | undefined;

  /** `issuer` as tokens name it. Asks nothing until a key is needed. */
  constructor(issuer: string) {
    this.#issuer = issuer;
  }

  /** For `jwtVerify`. Throws `provider_unreachable` or `provider_failed` where keys cannot be had. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    this.#keys ??= this.#discover();
    let keys: JWTVerifyGetKey;
    try {
      keys = await this.#keys;
    } catch (error) {
      // The next token tries anew.
      this.#keys = undefined;
      throw error;
    }
    try {
      return await keys(header, token);
    } catch (error) {
      throw asProviderFault(error, this.#issuer);
    }
  };

  async #discover(): Promise<JWTVerifyGetKey> {
    const issuer = this.#issuer;
    const metadata = metadataSchema.safeParse(await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, issuer));
    if (!metadata.success || metadata.data.issuer !== issuer)
      throw new McprecError('provider_failed', `the identity provider ${issuer} gives no metadata of its own name`);
    return createRemoteJWKSet(new URL(metadata.data.jwks_uri), {
      cacheMaxAge: limits.providerKeysMsMax,
      cooldownDuration: limits.providerKeysMsMin,
      timeoutDuration: limits.providerAnswerMsMax,
    });
  }
}

async function fetchJson(url: string, issuer: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(limits.providerAnswerMsMax), redirect: 'error' });
  } catch (cause) {
    throw unreachable(issuer, cause);
  }
  const text = await response.text().catch((cause: unknown) => {
    throw unreachable(issuer, cause);
  });
  try {
    if (response.status === 200) return JSON.parse(text);
  } catch {
    // Not JSON: said below.
  }
  throw new McprecError('provider_failed', `the identity provider ${issuer} answered HTTP ${response.status} where its metadata should be`);
}

function unreachable(issuer: string, cause: unknown): McprecError {
  return new McprecError('provider_unreachable', `the identity provider ${issuer} cannot be reached`, { cause });
}

/** Faults of the token stay what they are; those of fetching the keys become errors of the provider. */
function asProviderFault(error: unknown, issuer: string): unknown {
  if (error instanceof errors.JWKSTimeout) return unreachable(issuer, error);
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported) return error;
  if (error instanceof TypeError) return unreachable(issuer, error);
  if (error instanceof errors.JOSEError)
    return new McprecError('provider_failed', `the keys of the identity provider ${issuer} cannot be read: ${error.message}`, { cause: error });
  return error;
}
