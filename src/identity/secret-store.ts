// What a place for the secrets of a login is (RULES R5): the keychain, a file under a passphrase, or a plain file that was asked for.
import type { AskPassphrase } from './passphrase.ts';

export const storageKinds = ['keychain', 'encrypted-file', 'plain-file'] as const;
export type StorageKind = (typeof storageKinds)[number];

/** Keeps texts under keys. Hold the login lock around `set` and `delete`. */
export interface SecretStore {
  readonly kind: StorageKind;
  /** Throws `passphrase_required`, `passphrase_wrong`, `credentials_corrupt`, `keychain_unavailable`. */
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}

export interface SecretOptions {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From `--passphrase-file`. */
  readonly passphraseFile?: string | undefined;
  /** From `--insecure-storage`; counts at login only. */
  readonly storage?: 'plain-file' | undefined;
  /** Only on a terminal. */
  readonly askPassphrase?: AskPassphrase | undefined;
  /** Ends the search for a keychain and the wait for another process. */
  readonly signal?: AbortSignal | undefined;
}
