// The tables of the journal and the steps that bring an older file to them. docs/journal-format.md describes them.
import type { Database } from 'better-sqlite3';
import { McprecError } from '../base/errors.ts';

/** `mcpr`: says that a SQLite file is a journal. */
export const applicationId = 0x6d637072;
export const schemaVersion = 1;

/** Where an entry stands: `entryId = logNo * entriesPerLog + index` keeps a log's entries together without a second index. */
export const entriesPerLog = 2 ** 32;

export const logStates = { open: 1, closed: 2, crashed: 3 } as const;
export type LogState = keyof typeof logStates;
/** The state of an index log, which never ends. */
export const indexState = 4;

export const codings = { identity: 0, zstd: 1 } as const;
export type Coding = keyof typeof codings;

/** What `whoSent` can ask for. */
export const sentKinds = { metric: 1, check: 2, event: 3 } as const;
export type SentKind = keyof typeof sentKinds;

const tables = `
CREATE TABLE logs (
  log_no INTEGER PRIMARY KEY AUTOINCREMENT,
  log_id BLOB NOT NULL UNIQUE,
  state INTEGER NOT NULL,
  size INTEGER NOT NULL,
  frontier BLOB NOT NULL,
  last_kind INTEGER NOT NULL,
  last_wall_ms INTEGER NOT NULL,
  last_mono_us INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  denied INTEGER NOT NULL,
  masked INTEGER NOT NULL,
  owner_pid INTEGER NOT NULL,
  owner_start TEXT NOT NULL,
  received INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX logs_open ON logs (state) WHERE state = 1;
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  log_no INTEGER NOT NULL UNIQUE REFERENCES logs (log_no),
  connection TEXT NOT NULL,
  kind TEXT NOT NULL,
  record TEXT NOT NULL,
  gateway TEXT,
  identity TEXT,
  opened_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_time ON sessions (opened_ms);
CREATE TABLE entries (
  entry_id INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  leaf BLOB NOT NULL,
  leaf_hash BLOB NOT NULL,
  names_salt BLOB,
  names BLOB,
  payload_salt BLOB,
  payload_coding INTEGER,
  payload BLOB
) STRICT;
CREATE TABLE sent (
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  entry_id INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (kind, name, entry_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_by_entry ON sent (entry_id);
CREATE TABLE indexes (
  log_no INTEGER PRIMARY KEY REFERENCES logs (log_no),
  gateway TEXT NOT NULL,
  current INTEGER NOT NULL,
  key BLOB
) STRICT;
CREATE UNIQUE INDEX indexes_current ON indexes (gateway) WHERE current = 1;
CREATE TABLE checkpoints (
  log_no INTEGER NOT NULL REFERENCES logs (log_no),
  size INTEGER NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (log_no, size)
) STRICT, WITHOUT ROWID;
CREATE TABLE receipts (
  log_no INTEGER PRIMARY KEY REFERENCES logs (log_no),
  size INTEGER NOT NULL,
  note TEXT NOT NULL,
  tree_index INTEGER NOT NULL,
  tree_note TEXT NOT NULL,
  proof BLOB NOT NULL
) STRICT;
CREATE TABLE trees (gateway TEXT PRIMARY KEY, note TEXT NOT NULL, verifier TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE splits (
  split_id INTEGER PRIMARY KEY,
  gateway TEXT NOT NULL,
  found_ms INTEGER NOT NULL,
  what TEXT NOT NULL,
  known TEXT NOT NULL,
  shown TEXT NOT NULL
) STRICT;
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  owner_pid INTEGER NOT NULL,
  owner_start TEXT NOT NULL,
  taken_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** One step of an upgrade: brings a file from the version at its place (the first: from 1) to the next. */
export type UpgradeStep = (db: Database) => void;

/** Empty while version 1 is the only one there has been. */
const upgrades: readonly UpgradeStep[] = [];

/** Creates the tables in an empty file. Call within a transaction. */
export function createTables(db: Database): void {
  db.exec(tables);
  db.pragma(`application_id = ${applicationId}`);
  db.pragma(`user_version = ${schemaVersion}`);
}

/** The version of a journal; 0 for an empty file. Throws `journal_corrupt` for another program's database, `journal_newer` for a later version. */
export function readVersion(db: Database): number {
  const version = db.pragma('user_version', { simple: true }) as number;
  const application = db.pragma('application_id', { simple: true }) as number;
  const objects = db.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get() ?? 0;
  if (version === 0 && application === 0 && objects === 0) return 0;
  if (application !== applicationId || version < 1) throw new McprecError('journal_corrupt', `${db.name} is a database, but no journal of mcprec`);
  if (version > schemaVersion) {
    throw new McprecError('journal_newer', `${db.name} has format version ${version}; this mcprec knows versions up to ${schemaVersion}`);
  }
  return version;
}

/** Runs the steps from `version` on. Call within a transaction. */
export function upgrade(db: Database, version: number, steps: readonly UpgradeStep[] = upgrades): void {
  for (let from = version; from <= steps.length; from++) {
    steps[from - 1]?.(db);
    db.pragma(`user_version = ${from + 1}`);
  }
}
