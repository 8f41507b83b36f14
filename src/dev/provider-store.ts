// What the provider remembers: its keys, sessions, codes and refresh tokens, in one SQLite file or in memory.
import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Adapter, AdapterPayload } from 'oidc-provider';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS artifact (
    model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL,
    grant_id TEXT, user_code TEXT, uid TEXT, expires_ms INTEGER,
    PRIMARY KEY (model, id)) STRICT;
  CREATE INDEX IF NOT EXISTS artifact_grant ON artifact (grant_id);
  CREATE INDEX IF NOT EXISTS artifact_user_code ON artifact (user_code);
  CREATE INDEX IF NOT EXISTS artifact_uid ON artifact (uid);
  CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

export interface ProviderStore {
  /** The adapter that oidc-provider asks for each model. */
  adapter(model: string): Adapter;
  /** The value kept under `name`; made by `make` and kept where there is none. */
  setting<T>(name: string, make: () => Promise<T>): Promise<T>;
  close(): void;
}

interface Row {
  readonly payload: string;
}

/** Opens the store in `file`, or in memory for `:memory:`. The file is readable by its owner only: it holds private keys. */
export function openProviderStore(file: string): ProviderStore {
  const db = new Database(file);
  if (file !== ':memory:') chmodSync(file, 0o600);
  db.exec(SCHEMA);
  return {
    adapter: (model) => adapterOver(db, model),
    async setting<T>(name: string, make: () => Promise<T>): Promise<T> {
      const row = db.prepare('SELECT value AS payload FROM setting WHERE name = ?').get(name) as Row | undefined;
      if (row) return JSON.parse(row.payload) as T;
      const value = await make();
      db.prepare('INSERT INTO setting VALUES (?, ?)').run(name, JSON.stringify(value));
      return value;
    },
    close: () => {
      db.close();
    },
  };
}

function adapterOver(db: Database.Database, model: string): Adapter {
  const upsert = db.prepare('INSERT OR REPLACE INTO artifact VALUES (?, ?, ?, ?, ?, ?, ?)');
  const forget = db.prepare('DELETE FROM artifact WHERE expires_ms < ?');
  const byColumn = (column: 'id' | 'uid' | 'user_code') =>
    db.prepare(`SELECT payload FROM artifact WHERE model = ? AND ${column} = ? AND (expires_ms IS NULL OR expires_ms >= ?)`);
  const byId = byColumn('id');
  const byUid = byColumn('uid');
  const byUserCode = byColumn('user_code');
  const read = (statement: Database.Statement, key: string) => {
    const row = statement.get(model, key, Date.now()) as Row | undefined;
    return row && (JSON.parse(row.payload) as AdapterPayload);
  };
  return {
    async upsert(id, payload, expiresIn) {
      forget.run(Date.now());
      const expiresMs = expiresIn === undefined ? null : Date.now() + expiresIn * 1000;
      upsert.run(model, id, JSON.stringify(payload), payload.grantId ?? null, payload.userCode ?? null, payload.uid ?? null, expiresMs);
    },
    find: async (id) => read(byId, id),
    findByUid: async (uid) => read(byUid, uid),
    findByUserCode: async (userCode) => read(byUserCode, userCode),
    async consume(id) {
      db.prepare("UPDATE artifact SET payload = json_set(payload, '$.consumed', unixepoch()) WHERE model = ? AND id = ?").run(model, id);
    },
    async destroy(id) {
      db.prepare('DELETE FROM artifact WHERE model = ? AND id = ?').run(model, id);
    },
    async revokeByGrantId(grantId) {
      db.prepare('DELETE FROM artifact WHERE grant_id = ?').run(grantId);
    },
  };
}
