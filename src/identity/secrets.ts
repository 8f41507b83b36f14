// Chooses where the secrets of a login are kept (RULES R5), and opens that place.
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Secret } from '../base/secret.ts';
import { encryptedCodec } from './encrypted.ts';
import { FileStore, plainCodec } from './file-store.ts';
import { inHome, readIfThere } from './files.ts';
import { KeychainStore, keychainFault } from './keychain.ts';
import { type AskPassphrase, givenPassphrase, passphraseOf } from './passphrase.ts';
import type { SecretOptions, SecretStore, StorageKind } from './secret-store.ts';

/** The store of that kind. Does no IO yet. */
export function openSecretStore(kind: StorageKind, options: SecretOptions): SecretStore {
  switch (kind) {
    case 'keychain':
      return new KeychainStore(options);
    case 'encrypted-file':
      return encryptedStore(options, () => passphraseOf(options, 'Passphrase of the mcprec logins: '));
    case 'plain-file':
      return new FileStore(kind, inHome(options.home, 'plain'), plainCodec);
  }
}

export interface ChosenStore {
  readonly store: SecretStore;
  /** Why this one, for the person: the choice is never silent. */
  readonly reason: string;
}

/**
 * Chooses where a new login is kept. A flag decides; then a passphrase that was given; then what earlier logins use; then
 * the keychain; then a passphrase that is asked for. Throws `keychain_unavailable` where none of these can be.
 */
export async function chooseSecretStore(options: SecretOptions, earlier: StorageKind | undefined): Promise<ChosenStore> {
  if (options.storage === 'plain-file') {
    return {
      store: openSecretStore('plain-file', options),
      reason: `the login is kept unencrypted in ${inHome(options.home, 'plain')}, readable by this user only, as --insecure-storage asks`,
    };
  }
  if (givenPassphrase(options)) return encrypted(options, 'as a passphrase was given');
  if (earlier === 'encrypted-file') return encrypted(options, 'as the logins before it');
  const fault = await keychainFault(options);
  if (options.signal?.aborted) throw new McprecError('cancelled', 'the login was cancelled');
  if (fault === undefined) return { store: openSecretStore('keychain', options), reason: 'the login is kept in the keychain of this computer' };
  if (options.askPassphrase === undefined) throw new McprecError('keychain_unavailable', `there is no keychain: ${fault}`);
  return { ...encrypted(options, `as there is no keychain (${fault})`), store: await storeUnderNewPassphrase(options, options.askPassphrase) };
}

function encrypted(options: SecretOptions, why: string): ChosenStore {
  return {
    store: openSecretStore('encrypted-file', options),
    reason: `the login is kept in ${inHome(options.home, 'encrypted')}, encrypted with the passphrase, ${why}`,
  };
}

async function storeUnderNewPassphrase(options: SecretOptions, ask: AskPassphrase): Promise<SecretStore> {
  const exists = readIfThere(inHome(options.home, 'encrypted'), limits.loginFileBytesMax) !== undefined;
  if (exists) return openSecretStore('encrypted-file', options);
  const chosen = await ask('There is no keychain here. Choose a passphrase for the mcprec logins: ');
  const again = await ask('The same again: ');
  if (chosen.reveal() === '')
    throw new McprecError('passphrase_required', 'an empty passphrase protects nothing', { remedy: 'run: mcprec login, and choose one' });
  if (chosen.reveal() !== again.reveal())
    throw new McprecError('passphrase_wrong', 'the two passphrases differ', { remedy: 'run: mcprec login, and try again' });
  return encryptedStore(options, async () => chosen);
}

function encryptedStore(options: SecretOptions, passphrase: () => Promise<Secret>): SecretStore {
  return new FileStore('encrypted-file', inHome(options.home, 'encrypted'), encryptedCodec(passphrase));
}
