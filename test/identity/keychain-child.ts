// Runs inside a D-Bus session with an unlocked keyring: uses the keychain as a login does, and prints what it saw.
import { chooseSecretStore, openSecretStore } from '../../src/identity/secrets.ts';

const [home = ''] = process.argv.slice(2);
const { store } = await chooseSecretStore({ home, env: process.env }, undefined);
await store.set('key', 'value one');
const first = await store.get('key');
const other = await openSecretStore('keychain', { home: `${home}-other`, env: process.env }).get('key');
await store.set('key', 'value two');
const replaced = await store.get('key');
await store.delete('key');
const deleted = await store.get('key');
process.stdout.write(JSON.stringify({ chosen: store.kind, first, other: other ?? null, replaced, deleted: deleted ?? null }));
