// Lets owners read back what the gateway holds of their sessions, and administrators all of it, so that they can verify it (docs/journal-format.md).

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { toBase64 } from '../base/base64.ts';
import { McprecError } from '../base/errors.ts';
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { formatVerifier } from '../evidence/note.ts';
import { type AuditedLog, auditedEntriesSchema, auditedLogSchema, auditPaths } from '../protocol/audit.ts';
import { leavesQuerySchema } from '../protocol/control.ts';
import type { LogRecord, Store, StoredRow } from '../store/store.ts';
import { RemovalProofs } from './removal-proofs.ts';
import type { Sequencer } from './sequencer.ts';

export interface AuditRouteParts {
  readonly store: Store;
  readonly sequencer: Sequencer;
  /** The log that the request names. Throws `not_found` where the caller may not read it. */
  readonly readable: (request: FastifyRequest) => Promise<LogRecord>;
  /** Throws where the caller is no administrator. */
  readonly mayAudit: (request: FastifyRequest) => void;
}

/** Adds the routes by which logs are read back for an audit: the gateway's index log, any log, and its rows. Source: protocol/audit.ts. */
export function auditLogRoutes(app: FastifyInstance, parts: AuditRouteParts): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const { store, readable, mayAudit } = parts;
  const proofs = new RemovalProofs(store);
  routes.get(auditPaths.index, { schema: { response: { 200: auditedLogSchema } } }, async (request) => {
    mayAudit(request);
    const index = await store.gatewayIndex();
    if (index === undefined) throw new McprecError('not_found', 'the gateway has no index log: no session was opened yet');
    return audited(index.logId, parts, proofs);
  });
  routes.get(auditPaths.log(':id'), { schema: { response: { 200: auditedLogSchema } } }, async (request) =>
    audited((await readable(request)).logId, parts, proofs),
  );
  routes.get(auditPaths.entries(':id'), { schema: { querystring: leavesQuerySchema, response: { 200: auditedEntriesSchema } } }, async (request) => {
    const { logId } = await readable(request);
    return { entries: bounded(await store.entries(logId, request.query.from ?? 0, limits.auditEntriesMax)).map(entryOf) };
  });
}

async function audited(logId: LogId, { store, sequencer }: AuditRouteParts, proofs: RemovalProofs): Promise<AuditedLog> {
  const key = await store.logKey(logId);
  const removals = await proofs.of(logId);
  const checkpoints = await store.checkpointsOf(logId);
  // Last, so that it has all that they cover while it grows.
  const log = await store.log(logId);
  if (log === undefined) throw new McprecError('not_found', 'there is no such log');
  const { vantage, size, root, calls, denied, masked, lastKind, quarantine } = log;
  return {
    ...{ logId, vantage, size, calls, denied, masked },
    root: Buffer.from(root).toString('hex'),
    treeKey: formatVerifier(sequencer.verifier),
    checkpoints: [...checkpoints],
    removals,
    ...(key !== undefined && { key: toBase64(key) }),
    ...(log.ended && { ended: lastKind === 'crashed' ? 'crashed' : 'closed' }),
    ...(quarantine !== undefined && { quarantine }),
  };
}

/** The first of them at least, and no more than `limits.readBytesMax`. */
function bounded(rows: readonly StoredRow[]): readonly StoredRow[] {
  let bytes = 0;
  const end = rows.findIndex(({ payload }, i) => {
    bytes += payload?.bytes.length ?? 0;
    return i > 0 && bytes > limits.readBytesMax;
  });
  return end < 0 ? rows : rows.slice(0, end);
}

function entryOf({ index, leaf, leafHash, payload, names }: StoredRow) {
  return {
    index,
    leaf: toBase64(leaf),
    leafHash: toBase64(leafHash),
    ...(payload && { payload: { salt: toBase64(payload.salt), bytes: toBase64(payload.bytes), coding: payload.coding } }),
    ...(names && { names: { salt: toBase64(names.salt), bytes: toBase64(names.bytes) } }),
  };
}
