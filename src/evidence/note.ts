// C2SP signed notes (c2sp.org/signed-note, c2sp.org/tlog-cosignature): a text with signatures under it. Ed25519 and cosignature/v1 only.
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { sha256 } from './sha256.ts';

/** Signature types of signed-note: of a log itself, and of a witness that states when it saw the checkpoint. */
export const noteTypes = { ed25519: 0x01, cosignature: 0x04 } as const;
export type NoteType = keyof typeof noteTypes;

/** A key that signatures are checked with. */
export interface NoteVerifier {
  readonly name: string;
  readonly type: NoteType;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** First four bytes of SHA-256(name ‖ 0x0a ‖ type ‖ public key), as hex. */
  readonly keyId: string;
}

export interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  /** Without the key id. */
  readonly bytes: Uint8Array;
}

export interface Note {
  /** Ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A signature that holds. */
export interface VerifiedSignature {
  readonly by: NoteVerifier;
  /** Of a cosignature: when the witness made it, in seconds. */
  readonly atSeconds?: number;
}

const KEY_BYTES = 32;
const ID_BYTES = 4;
const TIME_BYTES = 8;
const ED25519_BYTES = 64;
const TWO_32 = 2 ** 32;
const LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u;

/** The verifier of a key under a name. Throws `note_invalid` where the name or the key cannot stand in a note. */
export function noteVerifier(name: string, type: NoteType, publicKey: Uint8Array): NoteVerifier {
  if (!/^[^\s+\p{Cc}]+$/u.test(name)) throw new McprecError('note_invalid', 'a key’s name must not be empty nor have blanks or + in it');
  if (publicKey.length !== KEY_BYTES) throw new McprecError('note_invalid', `a public key of ${publicKey.length} bytes; Ed25519 has ${KEY_BYTES}`);
  const digest = sha256(Buffer.from(`${name}\n`), Uint8Array.of(noteTypes[type]), publicKey);
  return { name, type, publicKey, keyId: Buffer.from(digest.subarray(0, ID_BYTES)).toString('hex') };
}

/** The public half of a private key, 32 bytes. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const { x = '' } = createPublicKey(key as never).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x, 'base64url'));
}

/** As people hand it on (signed-note, verifier keys): `<name>+<key id>+<base64 of type ‖ public key>`. */
export function formatVerifier({ name, type, publicKey, keyId }: NoteVerifier): string {
  return `${name}+${keyId}+${Buffer.concat([Uint8Array.of(noteTypes[type]), publicKey]).toString('base64')}`;
}

/** The verifier in such a text. Throws `note_invalid` where it is none, or its key id is not that of its key. */
export function parseVerifier(text: string): NoteVerifier {
  const [, name = '', keyId = '', coded = ''] = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const bytes = Buffer.from(coded, 'base64');
  const type = (Object.keys(noteTypes) as NoteType[]).find((known) => noteTypes[known] === bytes[0]);
  if (type === undefined || bytes.length !== 1 + KEY_BYTES || bytes.toString('base64') !== coded)
    throw new McprecError('note_invalid', 'this is no verifier key of a kind that mcprec knows');
  const verifier = noteVerifier(name, type, new Uint8Array(bytes.subarray(1)));
  if (verifier.keyId !== keyId) throw new McprecError('note_invalid', 'the verifier key was changed: its id is not that of its key');
  return verifier;
}

/** A signature line over `text`, with its newline. `atSeconds` is needed for a cosignature. */
export function signNote(text: string, verifier: NoteVerifier, key: KeyObject, atSeconds = 0): string {
  const id = Buffer.from(verifier.keyId, 'hex');
  const signature =
    verifier.type === 'ed25519'
      ? sign(null, Buffer.from(text), key)
      : Buffer.concat([bigEndian(atSeconds), sign(null, Buffer.from(cosigned(text, atSeconds)), key)]);
  return `\u2014 ${verifier.name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}

/** The note of a text and signature lines. */
export function formatNote(text: string, lines: readonly string[]): string {
  return `${text}\n${lines.join('')}`;
}

/** Reads a note without trusting it. Throws `note_invalid`. */
export function parseNote(note: string): Note {
  if (note.length > limits.noteCharactersMax) return fail(`it is longer than ${limits.noteCharactersMax} characters`);
  if (/[\u0000-\u0009\u000b-\u001f\ufffd]/u.test(note) || !note.endsWith('\n')) return fail('it has control characters, or no newline at its end');
  const at = note.lastIndexOf('\n\n');
  if (at < 0) return fail('it has no blank line above its signatures');
  const lines = note.slice(at + 2, -1).split('\n');
  if (lines.length > limits.noteSignaturesMax) return fail(`it has more than ${limits.noteSignaturesMax} signatures`);
  return { text: note.slice(0, at + 1), signatures: lines.map(parseLine) };
}

/** The signature in a line without its newline. Throws `note_invalid`. */
export function parseLine(line: string): NoteSignature {
  const [, name, coded] = LINE.exec(line) ?? [];
  if (name === undefined || coded === undefined) return fail('a line under it is no signature');
  const bytes = Buffer.from(coded, 'base64');
  if (bytes.length <= ID_BYTES || bytes.toString('base64') !== coded) return fail('a signature is no base64');
  return { name, keyId: bytes.toString('hex', 0, ID_BYTES), bytes: new Uint8Array(bytes.subarray(ID_BYTES)) };
}

/**
 * The signatures of a note that are by one of the keys and hold; others are left out, as the specification asks. Throws
 * `note_invalid` where one that names such a key does not hold.
 */
export function verifyNote({ text, signatures }: Note, keys: readonly NoteVerifier[]): VerifiedSignature[] {
  const verified: VerifiedSignature[] = [];
  for (const signature of signatures) {
    const by = keys.find((key) => key.name === signature.name && key.keyId === signature.keyId);
    if (by === undefined) continue;
    const held = verifySignature(text, signature.bytes, by);
    if (held === undefined) return fail(`the signature of ${by.name} does not hold: it was changed, or made over another text`);
    verified.push(held);
  }
  return verified;
}

function verifySignature(text: string, bytes: Uint8Array, by: NoteVerifier): VerifiedSignature | undefined {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(by.publicKey).toString('base64url') }, format: 'jwk' });
  if (by.type === 'ed25519') return bytes.length === ED25519_BYTES && verify(null, Buffer.from(text), key, bytes) ? { by } : undefined;
  if (bytes.length !== TIME_BYTES + ED25519_BYTES) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, TIME_BYTES);
  const atSeconds = view.readUInt32BE(0) * TWO_32 + view.readUInt32BE(4);
  if (!Number.isSafeInteger(atSeconds)) return undefined;
  return verify(null, Buffer.from(cosigned(text, atSeconds)), key, bytes.subarray(TIME_BYTES)) ? { by, atSeconds } : undefined;
}

function cosigned(text: string, atSeconds: number): string {
  return `cosignature/v1\ntime ${atSeconds}\n${text}`;
}

function bigEndian(value: number): Buffer {
  const out = Buffer.alloc(TIME_BYTES);
  out.writeUInt32BE(Math.floor(value / TWO_32), 0);
  out.writeUInt32BE(value % TWO_32, 4);
  return out;
}

function fail(what: string): never {
  throw new McprecError('note_invalid', `the signed note is not in the form that the specification asks for: ${what}`);
}
