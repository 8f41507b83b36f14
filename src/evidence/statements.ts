// What the payloads of an index log's entries state: where the log came from, which key signs, what was erased or pruned.
import { McprecError } from '../base/errors.ts';
import { type LogId, parseId, type SessionId } from '../base/ids.ts';

/** The payload of an `index` entry: why this index log begins. */
export interface IndexStatement {
  /** `restored`: the file is older than what a witness has seen of the log before; `damaged`: that one could not be read any more. */
  readonly reason: 'new' | 'restored' | 'damaged';
  /** Origin of the gateway that gets the log; absent for a solo one. */
  readonly gateway?: string;
  /** The index log before this one, and how many entries of it the witness has. */
  readonly previous?: { readonly log: LogId; readonly witnessed: number };
}

/** The payload of a `key-change` entry: checkpoints of this log and of the logs that it lists are signed with this key from here on. */
export interface KeyStatement {
  /** Ed25519, 32 bytes, base64. */
  readonly key: string;
}

/** The payload of an `erasure` or `retention` entry: payloads and names of the entries `from` to `to` (not included) of the subject are gone. */
export interface RemovalStatement {
  readonly session: SessionId;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
  /** Who asked for it, where that is known. */
  readonly by?: string;
  /** Of a retention: entries that the gateway had receipted; absent where nobody had, and the owner's word is all there is. */
  readonly receipted?: number;
}

export type IndexPayload = IndexStatement | KeyStatement | RemovalStatement;

/** The statement in the payload of an `index` entry. Throws `leaf_invalid`. */
export function readIndexStatement(payload: Uint8Array | undefined): IndexStatement {
  const { reason, gateway, previous } = parse(payload);
  if (reason !== 'new' && reason !== 'restored' && reason !== 'damaged') return fail('reason is none of new, restored, damaged');
  if (gateway !== undefined && typeof gateway !== 'string') return fail('gateway is no text');
  return { reason, ...(gateway !== undefined && { gateway }), ...(previous !== undefined && { previous: readPrevious(previous) }) };
}

/** The public key in the payload of a `key-change` entry, 32 bytes. Throws `leaf_invalid`. */
export function readKeyStatement(payload: Uint8Array | undefined): Uint8Array {
  const { key } = parse(payload);
  const bytes = typeof key === 'string' ? new Uint8Array(Buffer.from(key, 'base64')) : new Uint8Array();
  return bytes.length === 32 ? bytes : fail('key is no Ed25519 key');
}

/** The statement in the payload of an `erasure` or `retention` entry. Throws `leaf_invalid`. */
export function readRemoval(payload: Uint8Array | undefined): RemovalStatement {
  const { session, from, to, reason, by, receipted } = parse(payload);
  const sessionId = typeof session === 'string' ? parseId('ses', session) : undefined;
  if (sessionId === undefined) return fail('session is no session id');
  if (!isCount(from) || !isCount(to) || to < from) return fail('from and to are no range');
  if (typeof reason !== 'string' || (by !== undefined && typeof by !== 'string')) return fail('reason or by is no text');
  if (receipted !== undefined && !isCount(receipted)) return fail('receipted is no number');
  return { session: sessionId, from, to, reason, ...(by !== undefined && { by }), ...(receipted !== undefined && { receipted }) };
}

function readPrevious(value: unknown): NonNullable<IndexStatement['previous']> {
  const { log, witnessed } = (typeof value === 'object' ? value : undefined) as { readonly log?: unknown; readonly witnessed?: unknown };
  const logId = typeof log === 'string' ? parseId('log', log) : undefined;
  if (logId === undefined || !isCount(witnessed)) return fail('previous names no log and number');
  return { log: logId, witnessed };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function parse(payload: Uint8Array | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload ?? new Uint8Array()).toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Falls through: what is no JSON is no statement either.
  }
  return fail('its payload is no JSON object');
}

function fail(what: string): never {
  throw new McprecError('leaf_invalid', `an entry of an index log is not in the form that the format asks for: ${what}`);
}
