// A power cut: of the write-ahead log only what was synced is left, and of the rest nothing, a part, or garbage. Whatever was told to be durable is there.
import fs, { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { answerDraft, requestDraft } from '../evidence/samples.ts';
import { allFindings, journalPath, open, openSession, temporaryDirectory } from './support.ts';

const real = { fdatasync: fs.fdatasync, fdatasyncSync: fs.fdatasyncSync };
let path = '';
/** Bytes of the log that a sync which has ended has covered. */
let synced = 0;

beforeAll(() => {
  const size = () => statSync(`${path}-wal`).size;
  fs.fdatasync = ((file: number, done: (error: NodeJS.ErrnoException | null) => void) => {
    const covered = size();
    real.fdatasync(file, (error) => {
      if (error === null) synced = Math.max(synced, covered);
      done(error);
    });
  }) as typeof fs.fdatasync;
  fs.fdatasyncSync = (file: number) => {
    real.fdatasyncSync(file);
    synced = Math.max(synced, size());
  };
  syncBuiltinESMExports();
});
afterAll(() => {
  Object.assign(fs, real);
  syncBuiltinESMExports();
});

/** What a power cut at this moment may leave. */
function* leftOvers(): Generator<string> {
  const log = readFileSync(`${path}-wal`);
  const whole = log.subarray(0, synced);
  const rest = log.subarray(synced);
  const torn = rest.map((byte, i) => (i % 8192 < 4096 ? byte : 0));
  for (const left of [whole, Buffer.concat([whole, torn]), Buffer.concat([whole, rest.toReversed()]), log]) {
    const copy = join(temporaryDirectory(), 'journal.db');
    copyFileSync(path, copy);
    writeFileSync(`${copy}-wal`, left);
    yield copy;
  }
}

test('what was told to be durable survives it, and what is left verifies', async () => {
  path = journalPath();
  using journal = open(path);
  const log = await openSession(journal);
  let cuts = 0;
  for (let n = 0; n < 24; n++) {
    const later = n % 3 === 0 ? log.append([answerDraft(systemClock, n), answerDraft(systemClock, n)]) : undefined;
    await log.append([requestDraft(systemClock, n)]);
    const durable = log.size;
    // Committed and not synced yet: this may go.
    const loose = log.append([requestDraft(systemClock, n)]);
    await new Promise((resolve) => setImmediate(resolve));
    for (const copy of leftOvers()) {
      using left = open(copy, { mode: 'read' });
      const [session] = left.sessions({ limit: 10 });
      expect(session?.size).toBeGreaterThanOrEqual(durable);
      expect(allFindings(left)).toEqual([]);
      cuts++;
    }
    await Promise.all([later, loose]);
  }
  expect(cuts).toBe(96);
});
