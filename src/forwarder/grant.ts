// A grant as its holder sees it: asked for, renewed while it lasts, ended by time, by the gateway or by us. No files, no listener.
import { createSecretKey, type KeyObject } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { compactDecrypt, compactVerify, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { Secret } from '../base/secret.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { type Projection, projectionSchema } from '../policy/projection.ts';
import { type ApprovalSummary, grantPendingSchema } from '../protocol/approvals.ts';
import { controlPaths, type GrantRequest, type GrantResponse, grantResponseSchema, type RenewResponse, renewResponseSchema } from '../protocol/control.ts';

export interface GrantWish {
  readonly connection: string;
  readonly reason: string | undefined;
  readonly ttlSeconds: number | undefined;
  readonly logId: LogId;
  readonly version: string;
}

/** A grant with its keys, which never leave this process's memory. */
export interface HeldGrant {
  readonly response: GrantResponse;
  readonly projection: Projection;
  readonly token: Secret;
  readonly signingKey: KeyObject;
  readonly reconcileKey: KeyObject;
}

const keysSchema = z.object({ signing: z.string(), reconcile: z.string() });
const KEY_BYTES = 32;

/** A grant, or the approval that it waits for. */
export type GrantAnswer = { readonly grant: HeldGrant } | { readonly approval: ApprovalSummary };

/** Asks the gateway for a grant. Throws what the gateway says (`connection_denied`, `not_found`, …) and `gateway_failed` where its answer does not hold. */
export async function requestGrant(identity: GatewayIdentity, wish: GrantWish): Promise<GrantAnswer> {
  const ephemeral = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true });
  const body: GrantRequest = {
    connection: wish.connection,
    ...(wish.reason !== undefined && { reason: wish.reason }),
    ...(wish.ttlSeconds !== undefined && { ttlSeconds: wish.ttlSeconds }),
    logId: wish.logId,
    device: deviceOf(identity),
    ephemeralKey: { ...(await exportJWK(ephemeral.publicKey)) },
    client: { program: 'mcprec', version: wish.version, pid: process.pid, host: hostname().slice(0, 200), user: userInfo().username.slice(0, 200) },
  };
  const answer = await identity.request('POST', controlPaths.grants, { json: body });
  if (answer.status === 202) return readAnswer(grantPendingSchema, answer.json());
  const response = readAnswer(grantResponseSchema, answer.json());
  const keys = await decryptKeys(response.keys, ephemeral.privateKey);
  const projection = await readProjection(response.projection, response.gatewayKey);
  return { grant: { response, projection, token: new Secret(response.token), ...keys } };
}

/** A new token for a grant. Throws `grant_ended`, `grant_revoked`, `connection_denied` (the groups are looked at again). */
export async function renewGrant(identity: GatewayIdentity, grant: HeldGrant): Promise<HeldGrant> {
  const answer = await identity.request('POST', controlPaths.renewGrant(grant.response.grantId));
  const renewed: RenewResponse = readAnswer(renewResponseSchema, answer.json());
  const projection = await readProjection(renewed.projection, grant.response.gatewayKey);
  return { ...grant, response: { ...grant.response, ...renewed }, projection, token: new Secret(renewed.token) };
}

/** The projection inside a JWS of the gateway. Throws `gateway_failed` where the signature does not hold. */
export async function readProjection(jws: string, gatewayKey: JWK): Promise<Projection> {
  try {
    const { payload } = await compactVerify(jws, await importJWK(gatewayKey, 'EdDSA'), { algorithms: ['EdDSA', 'Ed25519'] });
    return projectionSchema.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
  } catch (cause) {
    throw new McprecError('gateway_failed', 'the gateway’s policy projection cannot be trusted', { cause });
  }
}

function deviceOf(identity: GatewayIdentity): GrantRequest['device'] {
  const { name, publicKey, signature } = identity.signDevice();
  return { name, publicKey: { ...publicKey }, signature };
}

async function decryptKeys(jwe: string, privateKey: Parameters<typeof compactDecrypt>[1]): Promise<Pick<HeldGrant, 'signingKey' | 'reconcileKey'>> {
  try {
    const { plaintext } = await compactDecrypt(jwe, privateKey, {
      keyManagementAlgorithms: ['ECDH-ES', 'ECDH-ES+A256KW'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    const keys = keysSchema.parse(JSON.parse(Buffer.from(plaintext).toString('utf8')));
    return { signingKey: keyOf(keys.signing), reconcileKey: keyOf(keys.reconcile) };
  } catch (cause) {
    throw new McprecError('gateway_failed', 'the gateway’s session keys cannot be read', { cause });
  }
}

function keyOf(text: string): KeyObject {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== KEY_BYTES) throw new Error(`a key of ${bytes.length} bytes`);
  return createSecretKey(bytes);
}

function readAnswer<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value);
  if (!read.success) throw new McprecError('gateway_failed', 'the gateway’s answer is not what this mcprec understands', { cause: read.error });
  return read.data;
}
