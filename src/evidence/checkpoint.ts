// Checkpoints (c2sp.org/tlog-checkpoint): the size and root of a log at one moment, as the text of a signed note.
import type { KeyObject } from 'node:crypto';
import { McprecError } from '../base/errors.ts';
import { idFromBytes, type LogId } from '../base/ids.ts';
import { hashBytes } from './merkle.ts';
import { formatNote, type Note, type NoteVerifier, noteVerifier, parseNote, rawPublicKey, signNote, verifyNote } from './note.ts';

/** What a checkpoint states. */
export interface TreeHead {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

export interface Checkpoint extends TreeHead {
  /** The log's name. */
  readonly origin: string;
  readonly note: Note;
}

const LOG_ORIGIN = 'mcprec/log/';

/** The origin of a session's log or an index log: it names the log and nothing else. */
export function originOf(logId: LogId): string {
  return `${LOG_ORIGIN}${logId.slice('log_'.length)}`;
}

/** The log that an origin names; undefined for any other origin. */
export function logOfOrigin(origin: string): LogId | undefined {
  const hex = origin.startsWith(LOG_ORIGIN) ? origin.slice(LOG_ORIGIN.length) : '';
  return /^[0-9a-f]{32}$/.test(hex) ? idFromBytes('log', Buffer.from(hex, 'hex')) : undefined;
}

/** The text that is signed: origin, size and root, a line each. */
export function checkpointText(origin: string, { size, root }: TreeHead): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** The signed note of a head, by the key of the log itself: its name is the origin. */
export function signCheckpoint(origin: string, head: TreeHead, key: KeyObject): string {
  const text = checkpointText(origin, head);
  return formatNote(text, [signNote(text, noteVerifier(origin, 'ed25519', rawPublicKey(key)), key)]);
}

/** What signs the checkpoints of a device's or a gateway's logs. */
export interface LogSigner {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The signed note of a head of that log. */
  sign(origin: string, head: TreeHead): string;
}

export function logSigner(key: KeyObject): LogSigner {
  return { publicKey: rawPublicKey(key), sign: (origin, head) => signCheckpoint(origin, head, key) };
}

/** Reads a checkpoint without trusting it. Throws `note_invalid`; lines behind the third, which we never write, are refused. */
export function parseCheckpoint(text: string): Checkpoint {
  const note = parseNote(text);
  const [origin = '', size = '', root = '', end, more] = note.text.split('\n');
  if (origin === '' || end !== '' || more !== undefined) return fail('it has not exactly three lines');
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) return fail('its size is no number');
  const bytes = Buffer.from(root, 'base64');
  if (bytes.length !== hashBytes || bytes.toString('base64') !== root) return fail('its root is no hash');
  return { origin, size: Number(size), root: new Uint8Array(bytes), note };
}

/** The checkpoint in `text` if the log's own key has signed it. Throws `note_invalid`. */
export function openCheckpoint(text: string, origin: string, publicKey: Uint8Array): Checkpoint {
  const checkpoint = parseCheckpoint(text);
  if (checkpoint.origin !== origin) return fail(`it is one of ${checkpoint.origin}, not of ${origin}`);
  if (verifyNote(checkpoint.note, [noteVerifier(origin, 'ed25519', publicKey)]).length === 0) return fail(`the key of ${origin} has not signed it`);
  return checkpoint;
}

/** The signatures of witnesses on a checkpoint: those of `keys` that hold. Throws `note_invalid` where one is forged. */
export function witnessesOf(checkpoint: Checkpoint, keys: readonly NoteVerifier[]): readonly string[] {
  return verifyNote(checkpoint.note, keys).map(({ by }) => by.name);
}

function fail(what: string): never {
  throw new McprecError('note_invalid', `the checkpoint cannot be used: ${what}`);
}
