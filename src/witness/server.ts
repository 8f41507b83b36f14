// An independent witness (c2sp.org/tlog-witness): its own key, its own file, and nothing else of a gateway's.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { asMcprecError, McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { TreeHead } from '../evidence/checkpoint.ts';
import { Frontier } from '../evidence/merkle.ts';
import { type NoteVerifier, noteVerifier, rawPublicKey, signNote } from '../evidence/note.ts';
import { judge, parseAddCheckpoint } from '../evidence/witness.ts';
import { readIfThere, replaceFile } from '../identity/files.ts';
import { createServer } from '../transport/node-http.ts';

export interface WitnessOptions {
  /** How it is called in its signatures, e.g. `witness.example.com/w1`. */
  readonly name: string;
  /** PEM of its Ed25519 key; made where it is missing. */
  readonly keyFile: string;
  /** What it has co-signed, by origin. */
  readonly stateFile: string;
  /** The logs that it knows. */
  readonly logs: readonly NoteVerifier[];
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** A log showed less than before, or something else: for its operator. */
  readonly alarm: (origin: string, what: string) => void;
}

export interface RunningWitness extends AsyncDisposable {
  readonly url: string;
  readonly verifier: NoteVerifier;
}

const stateSchema = z.record(z.string(), z.object({ size: z.number().int().nonnegative(), root: z.base64(), note: z.string() }));
type State = z.infer<typeof stateSchema>;

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

/** Starts a witness. Throws `port_taken`, `credentials_corrupt` (its key), `config_invalid` (its state). */
export async function startWitness(options: WitnessOptions): Promise<RunningWitness> {
  const key = openKey(options.keyFile);
  const verifier = noteVerifier(options.name, 'cosignature', rawPublicKey(key));
  const state = readState(options.stateFile);
  const server = createServer((request, response) => void serve(request, response, (body) => answerTo(body, { options, key, verifier, state })));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new McprecError('port_taken', `cannot listen on ${options.host}:${options.port}: ${cause.message}`, { cause })));
    server.listen(options.port, options.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${port}`,
    verifier,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Held {
  readonly options: WitnessOptions;
  readonly key: KeyObject;
  readonly verifier: NoteVerifier;
  readonly state: State;
}

// Synchronous from judging to the state on disk: two requests cannot come in between, and nothing is signed that is not kept.
function answerTo(body: string, { options, key, verifier, state }: Held): Answer {
  const asked = parseAddCheckpoint(body);
  const { origin, size, root, note } = asked.checkpoint;
  const keys = options.logs.filter(({ name }) => name === origin);
  if (keys.length === 0) return { status: 404, body: 'this witness knows no log of that origin\n' };
  const kept = state[origin];
  const known: TreeHead = kept === undefined ? { size: 0, root: new Frontier().root() } : { size: kept.size, root: Buffer.from(kept.root, 'base64') };
  const judgement = judge(asked, keys, known);
  switch (judgement.kind) {
    case 'refused':
      if (judgement.status === 422) options.alarm(origin, judgement.reason);
      return { status: judgement.status, body: `${judgement.reason}\n` };
    case 'conflict':
      if (judgement.rollback) options.alarm(origin, `a rollback: ${size} entries, or another root, after ${judgement.size} were co-signed`);
      return { status: 409, body: `${judgement.size}\n`, type: 'text/x.tlog.size' };
    case 'accepted':
      state[origin] = { size, root: Buffer.from(root).toString('base64'), note: asked.note };
      replaceFile(options.stateFile, JSON.stringify(state, undefined, 1));
      return { status: 200, body: signNote(note.text, verifier, key, Math.floor(options.clock.wallMs() / 1000)) };
    default:
      return judgement satisfies never;
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, answer: (body: string) => Answer): Promise<void> {
  const send = ({ status, body, type = 'text/plain; charset=utf-8' }: Answer) => response.writeHead(status, { 'content-type': type }).end(body);
  if (request.method !== 'POST' || !request.url?.endsWith('/add-checkpoint')) {
    send({ status: 404, body: 'a witness takes POST /add-checkpoint\n' });
    return;
  }
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limits.noteCharactersMax) return void send({ status: 413, body: 'the request is too long\n' });
      chunks.push(chunk);
    }
    send(answer(Buffer.concat(chunks).toString('utf8')));
  } catch (error) {
    const { code, message } = asMcprecError(error);
    if (!response.headersSent)
      send({ status: code === 'note_invalid' ? 400 : 500, body: `${code === 'note_invalid' ? message : 'the witness cannot keep its state'}\n` });
  }
}

function openKey(path: string): KeyObject {
  const text = readIfThere(path, limits.loginFileBytesMax);
  try {
    if (text !== undefined) return createPrivateKey(text);
  } catch (cause) {
    throw new McprecError('credentials_corrupt', `the witness’s key in ${path} cannot be read`, { cause, remedy: 'restore it; a new one is another witness' });
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  replaceFile(path, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  return privateKey;
}

function readState(path: string): State {
  const text = readIfThere(path, Number.MAX_SAFE_INTEGER);
  if (text === undefined) return {};
  try {
    return stateSchema.parse(JSON.parse(text.toString('utf8')));
  } catch (cause) {
    throw new McprecError('config_invalid', `the witness’s state in ${path} is damaged`, {
      cause,
      remedy: 'restore it: a witness that forgets co-signs a rollback',
    });
  }
}
