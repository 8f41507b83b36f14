// What the payload of an `open` entry states: who, on which connection. Lists and searches take it from there, so that it is proven.
import { type ConnectionKind, connectionKinds, type RecordMode, recordModes } from '../base/connection.ts';
import { McprecError } from '../base/errors.ts';
import { parseId, type SessionId } from '../base/ids.ts';

export interface OpeningIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly email?: string;
  readonly groups?: readonly string[];
}

/** The JSON object in the payload of an `open` entry. Writers may add members (device, client, reason, …). */
export interface Opening {
  readonly session: SessionId;
  readonly connection: string;
  readonly kind: ConnectionKind;
  readonly record: RecordMode;
  /** Origin of the gateway; absent for a solo session. */
  readonly gateway?: string;
  readonly identity?: OpeningIdentity;
}

/** The opening in the payload of an `open` entry. Throws `leaf_invalid` where a member is missing or of another form. */
export function readOpening(payload: Uint8Array | undefined): Opening {
  const value = payload === undefined ? undefined : parse(payload);
  if (!isObject(value)) return fail('it has no payload that is a JSON object');
  const { session, connection, kind, record, gateway, identity } = value;
  const sessionId = typeof session === 'string' ? parseId('ses', session) : undefined;
  const knownKind = connectionKinds.find((k) => k === kind);
  const knownRecord = recordModes.find((mode) => mode === record);
  if (sessionId === undefined) return fail('session is no session id');
  if (typeof connection !== 'string' || connection === '') return fail('connection is no name');
  if (knownKind === undefined) return fail(`kind is none of ${connectionKinds.join(', ')}`);
  if (knownRecord === undefined) return fail(`record is none of ${recordModes.join(', ')}`);
  if (gateway !== undefined && typeof gateway !== 'string') return fail('gateway is no text');
  return {
    session: sessionId,
    connection,
    kind: knownKind,
    record: knownRecord,
    ...(gateway !== undefined && { gateway }),
    ...(identity !== undefined && { identity: readIdentity(identity) }),
  };
}

function readIdentity(identity: unknown): OpeningIdentity {
  if (!isObject(identity)) return fail('identity is no object');
  const { issuer, subject, email, groups } = identity;
  if (typeof issuer !== 'string' || typeof subject !== 'string') return fail('identity lacks issuer or subject');
  if (email !== undefined && typeof email !== 'string') return fail('the identity’s email is no text');
  if (groups !== undefined && !isTexts(groups)) return fail('the identity’s groups are no list of texts');
  return { issuer, subject, ...(email !== undefined && { email }), ...(groups !== undefined && { groups }) };
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString());
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function fail(what: string): never {
  throw new McprecError('leaf_invalid', `the opening of a session is not in the form that the format asks for: ${what}`);
}
