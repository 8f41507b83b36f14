// The secrets of one login as one value, so that they are stored and replaced together.
import type { JWK } from 'jose';
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { Identity } from '../protocol/control.ts';
import { newDeviceJwk } from './device.ts';
import { newDpopJwk } from './dpop.ts';

const secret = z.string().transform((text) => new Secret(text));
const jwk = z.record(z.string(), z.unknown()).transform((key) => key as JWK);

const credentialSchema = z.object({
  version: z.literal(1),
  /** Whose tokens and device key these are: see `ownerOf`. */
  owner: z.string().optional(),
  dpopKey: jwk,
  deviceKey: jwk,
  refreshToken: secret.optional(),
  access: z.object({ token: secret, scheme: z.enum(['DPoP', 'Bearer']), expiresAtMs: z.number() }).optional(),
  /** When the tokens were last replaced: the later of two is the one to trust. */
  changedAtMs: z.number(),
});
export type Credential = z.infer<typeof credentialSchema>;
export type AccessToken = NonNullable<Credential['access']>;

/** The one name of an identity. */
export function ownerOf({ issuer, subject }: Pick<Identity, 'issuer' | 'subject'>): string {
  return `${issuer} ${subject}`;
}

/** New keys and no tokens yet. */
export async function newCredential(): Promise<Credential> {
  return { version: 1, dpopKey: await newDpopJwk(), deviceKey: newDeviceJwk(), changedAtMs: 0 };
}

/** Reads what `writeCredential` wrote. Throws `credentials_corrupt`. */
export function readCredential(text: string): Credential {
  try {
    return credentialSchema.parse(JSON.parse(text));
  } catch {
    // No cause: what a parser says of it could quote the secrets.
    throw new McprecError('credentials_corrupt', 'the stored login is damaged');
  }
}

/** The text to store. A secret. */
export function writeCredential(credential: Credential): string {
  const { access, refreshToken, ...rest } = credential;
  return JSON.stringify({
    ...rest,
    ...(refreshToken === undefined ? {} : { refreshToken: refreshToken.reveal() }),
    ...(access === undefined ? {} : { access: { ...access, token: access.token.reveal() } }),
  });
}
