// The addresses of the witness and of the tree: add-checkpoint (c2sp.org/tlog-witness), checkpoint and tiles (c2sp.org/tlog-tiles).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { entryBundle, hasTile, nodesOf, parseTilePath, tileBytes } from '../evidence/tiles.ts';
import { type AddCheckpoint, parseAddCheckpoint } from '../evidence/witness.ts';
import { controlPaths } from '../protocol/control.ts';
import type { TreeStore } from '../store/store.ts';
import type { Sequencer } from './sequencer.ts';
import type { Witness, WitnessAnswer } from './witness.ts';

export interface WitnessRouteParts {
  readonly witness: Witness;
  readonly sequencer: Sequencer;
  readonly store: TreeStore;
}

const IMMUTABLE = 'public, max-age=31536000, immutable';

/** Open to anyone: the signature on a checkpoint is what counts, and hashes tell nothing of what they are of. */
export function openTreeRoutes(app: FastifyInstance, { witness, sequencer, store }: WitnessRouteParts): void {
  app.post(controlPaths.addCheckpoint, { bodyLimit: limits.noteCharactersMax }, async (request, reply) => {
    const asked = read(request.body);
    return asked === undefined ? plain(reply, 400, 'this is no request to a witness\n') : send(reply, await witness.addCheckpoint(asked));
  });
  app.get('/checkpoint', async (_request, reply) => {
    const { note } = await sequencer.head();
    return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache').send(note);
  });
  app.get('/tile/*', async (request, reply) => {
    const tile = parseTilePath(pathOf(request));
    if (tile === undefined || tile.level === 'entries' || !hasTile(await store.treeSize(), tile)) throw new McprecError('not_found', 'there is no such tile');
    const { level, from, count } = nodesOf(tile);
    const hashes = await store.treeRange(level, from, count);
    return bytes(
      reply,
      tileBytes(tile, (_level, n) => hashes[n - from] ?? new Uint8Array()),
    );
  });
}

/** For auditors. `mayAudit` throws where the caller may not. */
export function auditRoutes(app: FastifyInstance, { store }: WitnessRouteParts, mayAudit: (request: FastifyRequest) => void): void {
  app.get('/tile/entries/*', async (request, reply) => {
    mayAudit(request);
    const tile = parseTilePath(`entries/${pathOf(request)}`);
    if (tile === undefined || !hasTile(await store.treeSize(), tile)) throw new McprecError('not_found', 'there is no such tile');
    const { from, count } = nodesOf(tile);
    return bytes(reply, entryBundle(await store.treeLeaves(from, count)));
  });
  app.get(controlPaths.alarms, async (request) => {
    mayAudit(request);
    return { alarms: await store.alarms() };
  });
}

function read(body: unknown): AddCheckpoint | undefined {
  try {
    return parseAddCheckpoint(Buffer.isBuffer(body) ? body.toString('utf8') : String(body));
  } catch (error) {
    if (error instanceof McprecError && error.code === 'note_invalid') return undefined;
    throw error;
  }
}

function send(reply: FastifyReply, answer: WitnessAnswer): FastifyReply {
  if (answer.status === 200) return plain(reply, 200, answer.cosignature);
  if (answer.status === 409) return reply.code(409).type('text/x.tlog.size').send(`${answer.size}\n`);
  return plain(reply, answer.status, `${answer.reason}\n`);
}

function plain(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(text);
}

function bytes(reply: FastifyReply, body: Uint8Array): FastifyReply {
  return reply.type('application/octet-stream').header('cache-control', IMMUTABLE).send(Buffer.from(body));
}

function pathOf(request: FastifyRequest): string {
  return (request.params as { readonly '*'?: string })['*'] ?? '';
}
