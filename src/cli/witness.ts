// `mcprec witness`: runs an independent witness until it is told to stop.
import { once } from 'node:events';
import { join } from 'node:path';
import { asMcprecError, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { formatVerifier, type NoteVerifier, parseVerifier } from '../evidence/note.ts';
import { startWitness } from '../witness/server.ts';
import { ensureHome } from './home.ts';
import { type Io, note, say, sayJson } from './io.ts';

export interface WitnessCommandOptions {
  readonly name: string;
  readonly log: readonly string[];
  readonly listen?: string | undefined;
  /** Directory of its key and its state. Default: `witness` in the state directory. */
  readonly data?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Runs the witness until `io.signal` is aborted. Throws `usage` (a key, too), and what `startWitness` throws. */
export async function runWitness(options: WitnessCommandOptions, io: Io): Promise<void> {
  const { listen = '127.0.0.1:7480', data = join(io.home, 'witness') } = options;
  const [, host, port] = /^(.+):([0-9]{1,5})$/.exec(listen) ?? [];
  if (host === undefined) throw new McprecError('usage', `--listen ${listen} is not HOST:PORT`);
  ensureHome(data);
  await using witness = await startWitness({
    name: options.name,
    keyFile: join(data, 'key.pem'),
    stateFile: join(data, 'state.json'),
    logs: options.log.map(treeVerifier),
    host,
    port: Number(port),
    clock: io.clock,
    alarm: (origin, what) => note(io, escapeHostileLine(`${origin}: ${what}`)),
  });
  const key = formatVerifier(witness.verifier);
  if (options.json) sayJson(io, { event: 'listening', url: witness.url, key });
  else say(io, `witness listening on ${witness.url}; its key: ${key}`);
  if (!io.signal.aborted) await once(io.signal, 'abort');
}

function treeVerifier(key: string): NoteVerifier {
  try {
    return parseVerifier(key);
  } catch (cause) {
    throw new McprecError('usage', `--log ${key}: ${asMcprecError(cause).message}`, {
      cause,
      remedy: 'give what stands at "tree" in a bundle of mcprec sessions export, or what connect --url says',
    });
  }
}
