import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../src/base/ids.ts';
import { markMasked } from '../../src/base/masked.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { ending, opening, request, startMs } from '../contract/fixtures.ts';
import { storeContract } from '../contract/store.ts';

const options = { clock: { wallMs: () => startMs, monoUs: () => 0 }, random: systemRandom };

storeContract('SQLite', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mcprec-store-'));
  return {
    open: () => openSqliteStore(join(directory, 'gateway.db'), options),
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  };
});

describe('a store file', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mcprec-store-'));
    file = join(directory, 'gateway.db');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('from a newer version is refused and left as it is', async () => {
    await openSqliteStore(file, options).close();
    const sqlite = new Database(file);
    sqlite.pragma('user_version = 99');
    sqlite.close();
    expect(() => openSqliteStore(file, options)).toThrow(expect.objectContaining({ code: 'journal_newer' }));
    expect(new Database(file, { readonly: true }).pragma('user_version', { simple: true })).toBe(99);
  });

  it('that is no database, or another program’s, is refused', () => {
    writeFileSync(file, 'not a database, but long enough to be read as the header of one'.repeat(20));
    expect(() => openSqliteStore(file, options)).toThrow(expect.objectContaining({ code: 'journal_corrupt' }));
    const other = join(directory, 'other.db');
    const sqlite = new Database(other);
    sqlite.exec('CREATE TABLE bookmarks (url TEXT)');
    sqlite.close();
    expect(() => openSqliteStore(other, options)).toThrow(expect.objectContaining({ code: 'journal_corrupt' }));
  });

  it('belongs to its user alone, with the files beside it', async () => {
    const store = openSqliteStore(file, options);
    const modes = readdirSync(directory).map((name) => statSync(join(directory, name)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600]);
    await store.close();
  });

  it('that cannot be made is an error of its own', () => {
    const blocked = join(directory, 'blocked');
    mkdirSync(blocked);
    writeFileSync(join(blocked, 'file'), '');
    expect(() => openSqliteStore(join(blocked, 'file', 'gateway.db'), options)).toThrow(expect.objectContaining({ code: 'journal_unwritable' }));
    chmodSync(blocked, 0o700);
  });

  it('has nothing left of what was removed, and waits for whoever reads old pages', async () => {
    const store = openSqliteStore(file, options);
    const made = Array.from({ length: 3 }, () => opening());
    const gone = made.slice(1);
    const mark = (k: string, n: number) => `mark-${k}-${n}-`;
    for (const one of made) await store.openSession(one);
    const logs = await Promise.all(made.map(({ session }) => store.openLog(session.sessionId)));
    for (let n = 0; n < 100; n++) {
      for (const [i, log] of logs.entries()) {
        const text = mark(i === 0 ? 'kept' : 'gone', n) + 'x'.repeat((n * 379 + i * 211) % 900);
        await log?.append([{ ...request(newId('exc', options), text), names: markMasked({ tool: text }) }]);
      }
    }
    for (const { session } of gone) {
      await store.endSession(ending(session.sessionId));
      await store.removeContents(session.sessionId, { kind: 'erasure', reason: 'asked for' });
    }
    const reader = new Database(file);
    reader.exec('BEGIN; SELECT count(*) FROM entries');
    const rewritten = store.rewrite();
    expect(marks('kept')).toBeGreaterThan(100);
    reader.exec('COMMIT');
    reader.close();
    await rewritten;
    // Written anew, not only overwritten where it stood: SQLite leaves copies behind where it moves rows between pages.
    const free = new Database(file, { readonly: true });
    expect(free.pragma('freelist_count', { simple: true })).toBe(0);
    free.close();
    expect([marks('gone'), marks('kept') >= 100]).toEqual([0, true]);
    await store.close();

    function marks(which: string): number {
      const text = [file, `${file}-wal`].map((path) => readFileSync(path, 'latin1')).join('');
      return text.split(`mark-${which}-`).length - 1;
    }
  });

  it('that another process writes to is not forked: the second writer is refused', async () => {
    const first = openSqliteStore(file, options);
    const made = opening();
    await first.openSession(made);
    const log = await first.openLog(made.session.sessionId);
    const second = openSqliteStore(file, options);
    const same = await second.openLog(made.session.sessionId);
    const exchange = () => newId('exc', options);
    await log?.append([request(exchange())]);
    await expect(same?.append([request(exchange())])).rejects.toMatchObject({ code: 'journal_locked' });
    expect((await first.log(made.gatewayLog))?.size).toBe(2);
    await first.close();
    await second.close();
  });
});
