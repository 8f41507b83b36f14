// The SQL that makes a gateway's store, version by version.

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
  session_id TEXT REFERENCES sessions DEFERRABLE INITIALLY DEFERRED,
  device_id TEXT REFERENCES devices,
  vantage TEXT NOT NULL CHECK (vantage IN ('forwarder', 'gateway', 'index', 'gateway-index')),
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
  removal TEXT,
  UNIQUE (session_id, vantage),
  CHECK ((session_id IS NOT NULL) = (vantage IN ('forwarder', 'gateway'))),
  CHECK ((device_id IS NOT NULL) = (vantage = 'index'))
) STRICT, WITHOUT ROWID;
CREATE INDEX logs_by_device ON logs (device_id) WHERE device_id IS NOT NULL;
CREATE TABLE removals (
  log BLOB NOT NULL REFERENCES logs,
  index_log BLOB NOT NULL REFERENCES logs,
  index_idx INTEGER NOT NULL,
  PRIMARY KEY (log, index_log, index_idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE witnessed (
  log BLOB PRIMARY KEY REFERENCES logs,
  size INTEGER NOT NULL,
  root BLOB NOT NULL,
  note TEXT NOT NULL,
  tree_index INTEGER NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tree_leaves (
  idx INTEGER PRIMARY KEY,
  log BLOB NOT NULL,
  leaf BLOB NOT NULL,
  note TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX tree_leaves_by_log ON tree_leaves (log);
CREATE TABLE tree_nodes (level INTEGER NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, n)) STRICT, WITHOUT ROWID;
CREATE TABLE tree_heads (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
CREATE TABLE alarms (
  alarm_id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  log BLOB NOT NULL,
  what TEXT NOT NULL,
  known TEXT NOT NULL,
  shown TEXT NOT NULL
) STRICT;
CREATE TABLE entries (
  log BLOB NOT NULL REFERENCES logs,
  idx INTEGER NOT NULL,
  leaf BLOB NOT NULL,
  leaf_hash BLOB NOT NULL,
  received_ms INTEGER NOT NULL,
  exchange BLOB,
  direction TEXT,
  payload_salt BLOB,
  payload_coding TEXT CHECK (payload_coding IN ('identity', 'zstd')),
  payload BLOB,
  names_salt BLOB,
  names BLOB,
  PRIMARY KEY (log, idx)
) STRICT;
CREATE INDEX entries_answers ON entries (log, exchange) WHERE direction = 'down';
CREATE TABLE exchanges (
  session_id TEXT NOT NULL,
  exchange BLOB NOT NULL,
  PRIMARY KEY (session_id, exchange)
) STRICT, WITHOUT ROWID;
CREATE TABLE handles (mac BLOB PRIMARY KEY, expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX handles_by_time ON handles (expires_ms);
CREATE TABLE tools (tool BLOB PRIMARY KEY, known BLOB NOT NULL, changed BLOB, definition TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE proofs (proof BLOB PRIMARY KEY, expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX proofs_by_time ON proofs (expires_ms);
CREATE TABLE approvals (
  approval_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('call', 'grant')),
  session_id TEXT,
  connection TEXT NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  email TEXT,
  rule TEXT NOT NULL,
  rule_digest BLOB NOT NULL,
  binding BLOB NOT NULL,
  approvers TEXT NOT NULL,
  min INTEGER NOT NULL,
  shown TEXT NOT NULL,
  requested_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  votes TEXT NOT NULL,
  ended_ms INTEGER,
  ended_by TEXT,
  reason TEXT,
  CHECK (kind = 'grant' OR session_id IS NOT NULL)
) STRICT;
CREATE INDEX approvals_by_time ON approvals (requested_ms);
CREATE INDEX approvals_by_session ON approvals (session_id, binding);
CREATE INDEX approvals_open ON approvals (expires_ms) WHERE state IN ('pending', 'approved');
CREATE UNIQUE INDEX approvals_once ON approvals (issuer, subject, coalesce(session_id, ''), binding, rule_digest) WHERE state IN ('pending', 'approved');
CREATE TABLE rounds (mac BLOB PRIMARY KEY, session_id TEXT NOT NULL, expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX rounds_by_session ON rounds (session_id);
CREATE TABLE budgets (session_id TEXT NOT NULL, budget TEXT NOT NULL, calls INTEGER NOT NULL, PRIMARY KEY (session_id, budget)) STRICT, WITHOUT ROWID;
CREATE TABLE deliveries (
  event_id TEXT NOT NULL,
  hook TEXT NOT NULL,
  body TEXT NOT NULL,
  due_ms INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  PRIMARY KEY (event_id, hook)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_time ON deliveries (due_ms);
`;

/** SQL that brings a store from version `i` to version `i + 1`. A version that was released is never changed. */
export const upgrades: readonly string[] = [version1];
