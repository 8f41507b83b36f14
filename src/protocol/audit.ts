// What an auditor reads of a gateway's logs over the control API: heads, checkpoints and whole entries. One schema each, used by both ends.
import { z } from 'zod';

export const auditPaths = {
  /** The gateway's own index log; for administrators. */
  index: '/v1/logs/index',
  log: (id: string) => `/v1/logs/${id}/audit`,
  entries: (id: string) => `/v1/logs/${id}/rows`,
} as const;

const committed = { salt: z.base64(), bytes: z.base64() };

/** An entry of an index log that says that contents are gone, with the proof that a signed checkpoint of that log covers it. */
const provenRemovalSchema = z.object({
  /** The index log: the gateway's own, or one of the laptop's. */
  log: z.string(),
  index: z.number().int().nonnegative(),
  leaf: z.base64(),
  payload: z.object(committed),
  /** The checkpoint, its leaf in the tree, and the way from the entry to its root (RFC 6962 §2.1.1), base64. */
  note: z.string(),
  treeIndex: z.number().int().nonnegative(),
  proof: z.array(z.base64()),
});
export type ProvenRemoval = z.infer<typeof provenRemovalSchema>;

/** What the gateway says of one of its logs. Nothing in it is trusted. */
export const auditedLogSchema = z.object({
  logId: z.string(),
  vantage: z.enum(['forwarder', 'gateway', 'index', 'gateway-index']),
  size: z.number().int().nonnegative(),
  /** Hex. */
  root: z.string(),
  calls: z.number(),
  denied: z.number(),
  masked: z.number(),
  ended: z.enum(['closed', 'crashed']).optional(),
  /** Why nothing more is taken into it. */
  quarantine: z.string().optional(),
  /** Verifier key of the gateway's tree. */
  treeKey: z.string(),
  /** The key of the device that writes it, base64; absent for the gateway's own. */
  key: z.base64().optional(),
  /** Every checkpoint of it that was accepted, with its leaf in the tree. */
  checkpoints: z.array(z.object({ index: z.number().int().nonnegative(), note: z.string() })),
  removals: z.array(provenRemovalSchema),
});
export type AuditedLog = z.infer<typeof auditedLogSchema>;

/** `GET /v1/logs/{id}/rows?from=`: entries as they are stored, in order; none at the end. */
export const auditedEntriesSchema = z.object({
  entries: z.array(
    z.object({
      index: z.number().int().nonnegative(),
      leaf: z.base64(),
      leafHash: z.base64(),
      payload: z.object({ ...committed, coding: z.enum(['identity', 'zstd']) }).optional(),
      names: z.object(committed).optional(),
    }),
  ),
});
