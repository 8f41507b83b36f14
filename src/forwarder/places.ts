// Remembers the port and the local token of each connection (DESIGN §5, Connect), so that a client is configured once.
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import type { RandomBytes } from '../base/random.ts';
import { Secret } from '../base/secret.ts';
import { replaceFile } from '../identity/files.ts';

const placesSchema = z.record(z.string(), z.object({ port: z.number().int().min(0).max(65_535), token: z.string().min(20) }));
type Places = z.infer<typeof placesSchema>;

export interface Place {
  /** 0 where none was used yet. */
  readonly port: number;
  readonly localToken: Secret;
}

/** The remembered place of a connection; a new local token where there is none, or where `rotate` asks for one. */
export function findPlace(home: string, key: string, options: { readonly rotate: boolean; readonly random: RandomBytes }): Place {
  const known = options.rotate ? undefined : readPlaces(home)[key];
  return { port: known?.port ?? readPlaces(home)[key]?.port ?? 0, localToken: new Secret(known?.token ?? newToken(options.random)) };
}

/** Writes down where a connection was served. The file is replaced as a whole, mode 0600. Throws `home_unwritable`. */
export function keepPlace(home: string, key: string, place: Place): void {
  const places: Places = { ...readPlaces(home), [key]: { port: place.port, token: place.localToken.reveal() } };
  replaceFile(fileOf(home), `${JSON.stringify(places, null, 2)}\n`);
}

/** The place of a connection that clients are about to be told: with a port, found now where none is remembered. */
export async function settlePlace(
  home: string,
  key: string,
  options: { readonly rotate: boolean; readonly random: RandomBytes; readonly port: number | undefined },
): Promise<Place> {
  const place = findPlace(home, key, options);
  const port = options.port ?? (place.port === 0 ? await freePort() : place.port);
  const settled = { ...place, port };
  keepPlace(home, key, settled);
  return settled;
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function newToken(random: RandomBytes): string {
  return Buffer.from(random(24)).toString('base64url');
}

function fileOf(home: string): string {
  return join(home, 'listeners.json');
}

/** Every remembered place. Throws `config_unreadable`, `config_invalid`. */
export function readPlaces(home: string): Places {
  let text: string;
  try {
    text = readFileSync(fileOf(home), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new McprecError('config_unreadable', `cannot read ${fileOf(home)}: ${(cause as Error).message}`, { cause });
  }
  try {
    return placesSchema.parse(JSON.parse(text));
  } catch (cause) {
    // Nothing in it but ports and local tokens: both can be made anew.
    throw new McprecError('config_invalid', `${fileOf(home)} is damaged`, { cause, remedy: 'delete the file; clients must then be given the new endpoint' });
  }
}
