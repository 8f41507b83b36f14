// The control API between laptop and gateway: paths, headers and bodies, one schema each, used by both ends.
import { z } from 'zod';
import { connectionKinds, recordModes } from '../base/connection.ts';
import { approvalStates } from './approvals.ts';

export const controlPaths = {
  wellKnown: '/.well-known/mcprec',
  grants: '/v1/grants',
  grant: (id: string) => `/v1/grants/${id}`,
  renewGrant: (id: string) => `/v1/grants/${id}/renew`,
  sessions: '/v1/sessions',
  session: (id: string) => `/v1/sessions/${id}`,
  closeSession: (id: string) => `/v1/sessions/${id}/close`,
  eraseSession: (id: string) => `/v1/sessions/${id}/erase`,
  sessionEvents: (id: string) => `/v1/sessions/${id}/events`,
  log: (id: string) => `/v1/logs/${id}`,
  logEntries: (id: string) => `/v1/logs/${id}/entries`,
  logLeaves: (id: string) => `/v1/logs/${id}/leaves`,
  reconcileSession: (id: string) => `/v1/sessions/${id}/reconcile`,
  /** c2sp.org/tlog-witness: the submission prefix is `/v1/logs`. */
  addCheckpoint: '/v1/logs/add-checkpoint',
  alarms: '/v1/logs/alarms',
  connections: '/v1/connections',
  health: '/healthz',
} as const;

/** Headers of ours on the data path; all are taken off before the upstream (RULES R1). Lower-case. */
export const headers = {
  session: 'mcprec-session',
  exchange: 'mcprec-exchange',
  parent: 'mcprec-parent',
  bodyMac: 'mcprec-body-mac',
  /** On a message of a client that does not come by HTTP, inside the forwarder: which of its pipes it came by. */
  pipe: 'mcprec-pipe',
  /** On an answer of the data path: the request was not let in at all, and this error code (base/errors.ts) says why. */
  refused: 'mcprec-refused',
  /** On an answer: the rule that denied, for people who look at the wire. */
  denied: 'mcprec-denied',
  /** On an answer: the approval that the call waits or waited for. */
  held: 'mcprec-held',
} as const;

/** `GET /.well-known/mcprec`, open to anyone. */
export const wellKnownSchema = z.object({
  mcprec: z.literal(1),
  gateway: z.url(),
  issuer: z.url(),
  clientId: z.string().min(1),
  scopes: z.array(z.string()),
  /** The `resource` (RFC 8707) to ask a token for, and its expected audience. */
  audience: z.string().min(1),
});
export type WellKnown = z.infer<typeof wellKnownSchema>;

/** Every failed control call, with a matching HTTP status. `code` is one of base/errors.ts. */
export const controlErrorSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), remedy: z.string().optional() }),
});

const jwkSchema = z.record(z.string(), z.unknown());

/**
 * `POST /v1/grants`. Authorization: `DPoP <access token>` (`Bearer` where the provider binds no tokens), and a `DPoP`
 * proof (RFC 9449) with `ath` in either case.
 */
export const grantRequestSchema = z.object({
  connection: z.string().min(1).max(200),
  reason: z.string().max(2000).optional(),
  ttlSeconds: z.number().int().positive().optional(),
  /** The laptop's log of this session. */
  logId: z.string().regex(/^log_[0-9a-f]{32}$/),
  device: z.object({
    name: z.string().max(200),
    /** Ed25519 public key. */
    publicKey: jwkSchema,
    /** Ed25519 over UTF-8 `mcprec-device-v1\n<thumbprint of the DPoP key>\n<gateway origin>\n`, base64url (RULES R5). */
    signature: z.string().max(200),
  }),
  /** ECDH-ES public key (P-256) to which the session keys are encrypted. */
  ephemeralKey: jwkSchema,
  client: z.object({
    program: z.string().max(200),
    version: z.string().max(100),
    pid: z.number().int(),
    host: z.string().max(200),
    user: z.string().max(200),
  }),
});
export type GrantRequest = z.infer<typeof grantRequestSchema>;

export const identitySchema = z.object({
  issuer: z.string(),
  subject: z.string(),
  email: z.string().optional(),
  groups: z.array(z.string()),
});
export type Identity = z.infer<typeof identitySchema>;

export const grantConnectionSchema = z.object({
  name: z.string(),
  kind: z.enum(connectionKinds),
  record: z.enum(recordModes),
  /** Environment variables that `exec` sets; `{endpoint}` and `{local_token}` are filled in by the forwarder. */
  env: z.record(z.string(), z.string()),
});

/** 201 of `POST /v1/grants`. Times are milliseconds since the epoch. */
export const grantResponseSchema = z.object({
  grantId: z.string(),
  sessionId: z.string(),
  /** Opaque; opens the data path together with the signing key. */
  token: z.string(),
  tokenExpiresAtMs: z.number(),
  expiresAtMs: z.number(),
  identity: identitySchema,
  connection: grantConnectionSchema,
  /** JWE compact (ECDH-ES, A256GCM) of `{signing, reconcile}`, base64url, 32 bytes each. */
  keys: z.string(),
  /** JWS compact (EdDSA, the gateway's key) of the policy projection; see policy/projection.ts. */
  projection: z.string(),
  /** The gateway's public key for that, as JWK. */
  gatewayKey: jwkSchema,
  policyHash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type GrantResponse = z.infer<typeof grantResponseSchema>;

/** 200 of `POST /v1/grants/{id}/renew` (no body; access token and proof as above). */
export const renewResponseSchema = grantResponseSchema.pick({ token: true, tokenExpiresAtMs: true, expiresAtMs: true, projection: true, policyHash: true });
export type RenewResponse = z.infer<typeof renewResponseSchema>;

/** `DELETE /v1/grants/{id}` revokes: the holder's own, or anyone's for an administrator. The body may be left out. 200 SessionSummary. */
export const revokeRequestSchema = z.object({ reason: z.string().max(2000).optional() });

/** `POST /v1/sessions/{id}/erase`, for administrators, and owners where `retention.owners_erase` says so: the contents of an ended session are removed from the store for good. 200 SessionSummary. */
export const eraseRequestSchema = z.object({ reason: z.string().min(1).max(2000) });

/** `POST /v1/sessions/{id}/close`: what the laptop's log came to. 200 SessionSummary, also where the session had ended. */
export const closeRequestSchema = z.object({ size: z.number().int().nonnegative(), root: z.string().regex(/^[0-9a-f]{64}$/) });

/** Events of `GET /v1/sessions/{id}/events` (SSE; `event:` is the name, `data:` this JSON). The first is always `policy`: what holds now. */
export const sessionEventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('revoked'), reason: z.string() }),
  z.object({ event: z.literal('expired') }),
  z.object({ event: z.literal('closed') }),
  z.object({ event: z.literal('policy'), projection: z.string(), policyHash: z.string() }),
  /** Something became of an approval of a call of this session. */
  z.object({ event: z.literal('approval'), approvalId: z.string(), state: z.enum(approvalStates), rule: z.string() }),
]);
export type SessionEvent = z.infer<typeof sessionEventSchema>;

/** The gateway's receipt for a checkpoint: see evidence/receipt.ts. Hashes are base64. */
export const receiptSchema = z.object({
  size: z.number().int().nonnegative(),
  note: z.string(),
  treeIndex: z.number().int().nonnegative(),
  treeNote: z.string(),
  proof: z.array(z.base64()),
  /** That the tree goes on from the size that the upload named. */
  consistency: z.array(z.base64()),
  /** Verifier key of the tree. */
  treeKey: z.string(),
});
export type ReceiptAnswer = z.infer<typeof receiptSchema>;

/** `PUT /v1/logs/{id}`: makes the index log of a device of the caller's known. 200 LogState. */
export const registerIndexSchema = z.object({ publicKey: jwkSchema });

/** `GET /v1/logs/{id}/leaves?from=`: leaves in order, base64; none at the end. No contents. */
export const leavesSchema = z.object({ leaves: z.array(z.base64()) });
export const leavesQuerySchema = z.object({ from: z.coerce.number().int().nonnegative().optional() });

/** `GET /v1/sessions/{id}/reconcile`: what both vantage points recorded, see evidence/reconcile.ts. */
export const reconciliationSchema = z.object({
  counts: z.record(z.string(), z.number()),
  exchanges: z.array(z.object({ exchange: z.string(), state: z.string(), why: z.string().optional() })),
});
export type Reconciled = z.infer<typeof reconciliationSchema>;

/** `GET /v1/logs/{id}` and every answer to an upload: how much of the log the gateway holds. */
export const logStateSchema = z.object({
  logId: z.string(),
  /** Entries held. */
  size: z.number().int().nonnegative(),
  /** RFC 6962 root over them, hex. */
  root: z.string(),
  /** Where the upload came with a checkpoint of all that is held. */
  receipt: receiptSchema.optional(),
  /** The gateway did not record a payload that the upload leaves out, and took nothing of it: it is to be sent whole. */
  lacking: z.boolean().optional(),
});
export type LogState = z.infer<typeof logStateSchema>;

/**
 * `POST /v1/logs/{id}/entries`: CBOR (`application/cbor`, `Content-Encoding: zstd` or none) of
 * `{from, entries: [{leaf, payload?: {salt, bytes, coding}, held?, names?: {salt, bytes}}], root, checkpoint?, treeSize?}`, `root` being the root after them.
 * 200 LogState (a repeat of what is held, too); 409 LogState where `from` lies beyond the size held. 422 with an error: `verify_failed`
 * where a leaf, a commitment or the root is wrong, `journal_forked` where the upload contradicts what is held: nothing more is taken then.
 */
export interface LogUpload {
  readonly from: number;
  readonly entries: readonly UploadedEntry[];
  readonly root: Uint8Array;
  /** The signed checkpoint of the log with these entries, and the size of the gateway's tree that the client knows: for a receipt. */
  readonly checkpoint?: string;
  readonly treeSize?: number;
}
export interface UploadedEntry {
  readonly leaf: Uint8Array;
  readonly payload?: { readonly salt: Uint8Array; readonly bytes: Uint8Array; readonly coding: 'identity' | 'zstd' };
  /** In place of the payload: the salt of one that the gateway recorded itself, of the same session and exchange. */
  readonly held?: Uint8Array;
  readonly names?: { readonly salt: Uint8Array; readonly bytes: Uint8Array };
}

export const connectionsResponseSchema = z.object({
  connections: z.array(z.object({ name: z.string(), kind: z.enum(connectionKinds), allowed: z.boolean() })),
});

/** An item of `GET /v1/sessions`: `{sessions: [...]}`, newest first; the caller's own, or everyone's for an administrator. */
export const sessionSummarySchema = z.object({
  sessionId: z.string(),
  /** By which an administrator revokes it. */
  grantId: z.string(),
  connection: z.string(),
  identity: identitySchema,
  state: z.enum(['open', 'closed', 'expired', 'revoked']),
  openedAtMs: z.number(),
  closedAtMs: z.number().optional(),
  reason: z.string().optional(),
  /** Its contents are gone by authority. */
  removed: z.enum(['erasure', 'retention']).optional(),
  calls: z.number(),
  denied: z.number(),
  /** What came of the laptop's record: all, a part, nothing yet of an open session, or nothing although it is over. */
  laptop: z.enum(['complete', 'partial', 'pending', 'missing']),
  /** The laptop's log and the gateway's own. */
  logs: z.array(z.object({ logId: z.string(), vantage: z.enum(['forwarder', 'gateway']), size: z.number(), root: z.string() })),
});
export type SessionSummary = z.infer<typeof sessionSummarySchema>;

/** `GET /v1/sessions?limit=&before=&mine=`: `before` is an `openedAtMs`, `mine=1` leaves an administrator only the own ones. */
export const sessionsQuerySchema = z.object({
  limit: z.coerce.number().int().positive().optional(),
  before: z.coerce.number().int().nonnegative().optional(),
  mine: z.literal('1').optional(),
});
export const sessionsResponseSchema = z.object({ sessions: z.array(sessionSummarySchema) });
