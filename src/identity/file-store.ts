// Secrets in one file of the state directory: all keys in one map, replaced as a whole. How the map is written is the codec's.
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { makeHome, readIfThere, removeFile, replaceFile } from './files.ts';
import type { SecretStore } from './secret-store.ts';

export type SecretMap = Readonly<Record<string, string>>;

/** Turns the map into the bytes of a file and back. */
export interface MapCodec {
  seal(map: SecretMap): Promise<Uint8Array>;
  open(bytes: Buffer): Promise<SecretMap>;
}

const mapSchema = z.record(z.string(), z.string());

/** Reads the JSON of a map. Throws `credentials_corrupt`, without a cause that could quote it. */
export function parseMap(text: string): SecretMap {
  try {
    return mapSchema.parse(JSON.parse(text));
  } catch {
    throw new McprecError('credentials_corrupt', 'the file of the logins is damaged');
  }
}

/** The map as JSON, unencrypted. */
export const plainCodec: MapCodec = {
  seal: async (map) => Buffer.from(`${JSON.stringify(map)}\n`, 'utf8'),
  open: async (bytes) => parseMap(bytes.toString('utf8')),
};

export class FileStore implements SecretStore {
  readonly kind: 'encrypted-file' | 'plain-file';
  readonly #path: string;
  readonly #codec: MapCodec;

  constructor(kind: 'encrypted-file' | 'plain-file', path: string, codec: MapCodec) {
    this.kind = kind;
    this.#path = path;
    this.#codec = codec;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#read())[key];
  }

  async set(key: string, value: string): Promise<void> {
    makeHome(dirname(this.#path));
    replaceFile(this.#path, await this.#codec.seal({ ...(await this.#read()), [key]: value }));
  }

  async delete(key: string): Promise<void> {
    const { [key]: gone, ...rest } = await this.#read();
    if (gone === undefined) return;
    if (Object.keys(rest).length === 0) removeFile(this.#path);
    else replaceFile(this.#path, await this.#codec.seal(rest));
  }

  async #read(): Promise<SecretMap> {
    const bytes = readIfThere(this.#path, limits.loginFileBytesMax);
    if (bytes === undefined) return {};
    if (this.kind === 'plain-file') this.#refuseOpenMode();
    return this.#codec.open(bytes);
  }

  // As ssh does with its keys: what others could read has to be taken as read.
  #refuseOpenMode(): void {
    const mode = statSync(this.#path).mode & 0o777;
    if (process.platform === 'win32' || (mode & 0o077) === 0) return;
    throw new McprecError('credentials_corrupt', `other users can read or change ${this.#path} (mode ${mode.toString(8)})`);
  }
}
