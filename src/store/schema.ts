// The tables of a gateway's store, as Kysely sees them and as SQL makes them. Ids that stand in many rows are kept as their 16 bytes.
import type { Generated } from 'kysely';

export interface Tables {
  readonly devices: DeviceTable;
  readonly sessions: SessionTable;
  readonly tokens: TokenTable;
  readonly logs: LogTable;
  readonly entries: EntryTable;
  readonly payloads: PayloadTable;
  readonly names: NamesTable;
  readonly exchanges: ExchangeTable;
  readonly handles: HandleTable;
  readonly proofs: ProofTable;
}

export interface DeviceTable {
  readonly device_id: string;
  /** Ed25519, raw. */
  readonly public_key: Uint8Array;
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  /** Thumbprint of the DPoP key that it was enrolled with (RULES R5). */
  readonly proof_thumbprint: string;
  readonly enrolled_ms: number;
  readonly ended_ms: number | null;
}

/** A grant and the session that uses it: there is one for one. */
export interface SessionTable {
  readonly session_id: string;
  readonly grant_id: string;
  readonly connection: string;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | null;
  /** JSON list, as at the last renewal. */
  readonly groups: string;
  readonly device_id: string;
  readonly reason: string | null;
  /** JSON of the client that asked. */
  readonly client: string;
  readonly opened_ms: number;
  readonly expires_ms: number;
  readonly state: string;
  readonly ended_ms: number | null;
  readonly end_reason: string | null;
  /** The session's keys, wrapped; gone once the session has ended. */
  readonly wrapped_keys: Uint8Array | null;
}

export interface TokenTable {
  /** SHA-256 of the token. */
  readonly token_hash: Uint8Array;
  readonly session_id: string;
  readonly expires_ms: number;
}

export interface LogTable {
  readonly log: Uint8Array;
  readonly session_id: string;
  readonly vantage: string;
  readonly size: Generated<number>;
  readonly root: Uint8Array;
  readonly frontier: Uint8Array;
  readonly calls: Generated<number>;
  readonly denied: Generated<number>;
  readonly masked: Generated<number>;
  readonly last_kind: Generated<string | null>;
  readonly last_wall_ms: Generated<number | null>;
  readonly last_mono_us: Generated<number | null>;
  /** Why nothing more is taken into it; null where all is well. */
  readonly quarantine: Generated<string | null>;
}

export interface EntryTable {
  readonly log: Uint8Array;
  readonly idx: number;
  readonly leaf: Uint8Array;
  readonly leaf_hash: Uint8Array;
  /** By the gateway's clock (RULES R14). */
  readonly received_ms: number;
  readonly wall_ms: number;
  readonly kind: string;
  readonly exchange: Uint8Array | null;
  readonly direction: string | null;
  readonly message: string | null;
  readonly status: number | null;
  readonly failed: number;
  readonly effect: string | null;
  readonly rule: string | null;
}

export interface PayloadTable {
  readonly log: Uint8Array;
  readonly idx: number;
  readonly salt: Uint8Array;
  readonly coding: string;
  readonly bytes: Uint8Array;
}

export interface NamesTable {
  readonly log: Uint8Array;
  readonly idx: number;
  readonly salt: Uint8Array;
  readonly bytes: Uint8Array;
}

/** The exchanges that an open session has begun (RULES R4). */
export interface ExchangeTable {
  readonly session_id: string;
  readonly exchange: Uint8Array;
}

export interface HandleTable {
  readonly mac: Uint8Array;
  readonly expires_ms: number;
}

/** DPoP proofs that were used (RFC 9449 §11.1). */
export interface ProofTable {
  readonly proof: Uint8Array;
  readonly expires_ms: number;
}

/** `mcpg` in ASCII: tells a gateway's store from any other SQLite file. */
export const applicationId = 0x6d637067;

const version1 = `
CREATE TABLE devices (
  device_id TEXT PRIMARY KEY,
  public_key BLOB NOT NULL UNIQUE,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  proof_thumbprint TEXT NOT NULL,
  enrolled_ms INTEGER NOT NULL,
  ended_ms INTEGER
) STRICT;
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  grant_id TEXT NOT NULL UNIQUE,
  connection TEXT NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  email TEXT,
  groups TEXT NOT NULL,
  device_id TEXT NOT NULL REFERENCES devices,
  reason TEXT,
  client TEXT NOT NULL,
  opened_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'expired', 'revoked')),
  ended_ms INTEGER,
  end_reason TEXT,
  wrapped_keys BLOB,
  CHECK ((state = 'open') = (wrapped_keys IS NOT NULL))
) STRICT;
CREATE INDEX sessions_by_owner ON sessions (issuer, subject, opened_ms);
CREATE INDEX sessions_by_time ON sessions (opened_ms);
CREATE INDEX sessions_open ON sessions (expires_ms) WHERE state = 'open';
CREATE TABLE tokens (
  token_hash BLOB PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_session ON tokens (session_id);
CREATE INDEX tokens_by_time ON tokens (expires_ms);
CREATE TABLE logs (
  log BLOB PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES sessions DEFERRABLE INITIALLY DEFERRED,
  vantage TEXT NOT NULL CHECK (vantage IN ('forwarder', 'gateway')),
  size INTEGER NOT NULL DEFAULT 0,
  root BLOB NOT NULL,
  frontier BLOB NOT NULL,
  calls INTEGER NOT NULL DEFAULT 0,
  denied INTEGER NOT NULL DEFAULT 0,
  masked INTEGER NOT NULL DEFAULT 0,
  last_kind TEXT,
  last_wall_ms INTEGER,
  last_mono_us INTEGER,
  quarantine TEXT,
  UNIQUE (session_id, vantage)
) STRICT, WITHOUT ROWID;
CREATE TABLE entries (
  log BLOB NOT NULL REFERENCES logs,
  idx INTEGER NOT NULL,
  leaf BLOB NOT NULL,
  leaf_hash BLOB NOT NULL,
  received_ms INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  exchange BLOB,
  direction TEXT,
  message TEXT,
  status INTEGER,
  failed INTEGER NOT NULL,
  effect TEXT,
  rule TEXT,
  PRIMARY KEY (log, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE payloads (
  log BLOB NOT NULL,
  idx INTEGER NOT NULL,
  salt BLOB NOT NULL,
  coding TEXT NOT NULL CHECK (coding IN ('identity', 'zstd')),
  bytes BLOB NOT NULL,
  PRIMARY KEY (log, idx)
) STRICT;
CREATE TABLE names (
  log BLOB NOT NULL,
  idx INTEGER NOT NULL,
  salt BLOB NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (log, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE exchanges (
  session_id TEXT NOT NULL,
  exchange BLOB NOT NULL,
  PRIMARY KEY (session_id, exchange)
) STRICT, WITHOUT ROWID;
CREATE TABLE handles (mac BLOB PRIMARY KEY, expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX handles_by_time ON handles (expires_ms);
CREATE TABLE proofs (proof BLOB PRIMARY KEY, expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX proofs_by_time ON proofs (expires_ms);
`;

/** SQL that brings a store from version `i` to version `i + 1`. A version that was released is never changed. */
export const upgrades: readonly string[] = [version1];
