// The routes of the laptops' logs: what the gateway holds of one, uploads with their receipts, index logs made known.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { McprecError } from '../base/errors.ts';
import { type LogId, parseId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { controlPaths, type LogUpload, leavesQuerySchema, leavesSchema, logStateSchema, registerIndexSchema } from '../protocol/control.ts';
import type { LogRecord, Store } from '../store/store.ts';
import { auditLogRoutes } from './audit-routes.ts';
import { readDeviceKey } from './devices.ts';
import type { Sequencer } from './sequencer.ts';
import { stateOf } from './summaries.ts';
import type { Caller } from './tokens.ts';
import { readUpload } from './uploads.ts';
import type { Witness } from './witness.ts';

export interface LogRouteParts {
  readonly store: Store;
  readonly witness: Witness;
  readonly sequencer: Sequencer;
  /** Throws where the caller is no administrator. */
  readonly mayAudit: (request: FastifyRequest) => void;
  readonly clock: { wallMs(): number };
  readonly callerOf: (request: FastifyRequest) => Caller;
}

export function logRoutes(app: FastifyInstance, { store, witness, sequencer, clock, callerOf, mayAudit }: LogRouteParts): void {
  auditLogRoutes(app, { store, sequencer, mayAudit, readable: (request) => readable(callerOf(request), idOf(request)) });
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.get(controlPaths.log(':id'), { schema: { response: { 200: logStateSchema } } }, async (request) =>
    stateOf(await readable(callerOf(request), idOf(request))),
  );
  routes.put(controlPaths.log(':id'), { schema: { body: registerIndexSchema, response: { 200: logStateSchema } } }, async (request) => {
    const caller = callerOf(request);
    const device = await store.findDevice(readDeviceKey(request.body.publicKey).raw);
    const { issuer, subject } = caller.identity;
    if (device?.issuer !== issuer || device.subject !== subject || device.endedMs !== undefined)
      throw new McprecError('device_refused', 'this device is not one of yours');
    const logId = idOf(request);
    if (!(await store.registerIndex(logId, device.deviceId))) throw new McprecError('usage', 'the log’s id is in use');
    return stateOf(await readable(caller, logId));
  });
  routes.get(controlPaths.logLeaves(':id'), { schema: { querystring: leavesQuerySchema, response: { 200: leavesSchema } } }, async (request) => {
    const { logId } = await readable(callerOf(request), idOf(request));
    const leaves = await store.leaves(logId, request.query.from ?? 0, limits.readEntriesMax);
    return { leaves: leaves.map((leaf) => Buffer.from(leaf).toString('base64')) };
  });
  app.post(controlPaths.logEntries(':id'), { bodyLimit: limits.uploadBytesMax }, async (request, reply) => {
    const log = await readable({ ...callerOf(request), admin: false }, idOf(request));
    if (!Buffer.isBuffer(request.body)) throw new McprecError('usage', 'an upload is application/cbor');
    const upload = await readUpload(request.body, request.headers['content-encoding']);
    const outcome = await store.ingest(log.logId, upload, clock.wallMs());
    switch (outcome.kind) {
      case 'stored':
        return { ...stateOf(outcome.log), ...(await receiptFor(outcome.log, upload)) };
      case 'lacking':
        return { ...stateOf(outcome.log), lacking: true };
      case 'conflict':
        return reply.code(409).send(stateOf(outcome.log));
      case 'unknown':
        throw new McprecError('not_found', 'there is no such log');
      case 'forked':
        if (upload.checkpoint !== undefined) await witness.contradicted(log.logId, upload.checkpoint, outcome.reason);
        throw new McprecError('journal_forked', `the log contradicts what the gateway holds of it: ${outcome.reason}`);
      case 'invalid':
        throw new McprecError('verify_failed', `the upload does not verify: ${outcome.reason}`);
      default:
        return outcome satisfies never;
    }
  });

  async function receiptFor(log: LogRecord, { checkpoint, treeSize = 0 }: LogUpload) {
    return checkpoint === undefined ? {} : { receipt: await witness.receipt(log, checkpoint, treeSize) };
  }

  async function readable(caller: Caller, logId: LogId): Promise<LogRecord> {
    const [log, owner] = await Promise.all([store.log(logId), store.logOwner(logId)]);
    const { issuer, subject } = caller.identity;
    const isOwn = owner?.issuer === issuer && owner.subject === subject;
    if (log === undefined || !(isOwn || caller.admin)) throw new McprecError('not_found', 'there is no such log');
    return log;
  }
}

function idOf(request: FastifyRequest): LogId {
  const { id = '' } = request.params as { readonly id?: string };
  const parsed = parseId('log', id);
  if (parsed === undefined) throw new McprecError('not_found', 'there is no such log');
  return parsed;
}
