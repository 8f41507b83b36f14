import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { McprecError } from '../../src/base/errors.ts';
import { newId } from '../../src/base/ids.ts';
import { readOpening } from '../../src/evidence/opening.ts';
import { emptyTail, extend } from '../../src/evidence/tail.ts';
import { openDatabase } from '../../src/journal/database.ts';
import { IndexLogs } from '../../src/journal/index-logs.ts';
import { LogWriter } from '../../src/journal/log-writer.ts';
import { thisOwner } from '../../src/journal/owner.ts';
import { SessionLog, type SessionLogParts } from '../../src/journal/session-log.ts';
import { openDraft, requestDraft } from '../evidence/samples.ts';
import { findingsOf, ids, journalPath } from './support.ts';

/** What happens to the next transaction: it is committed and said so, or one of the two is missing. */
type Fate = 'committed' | 'rolled back' | 'committed, but reported as failed';

test('a log goes on from what is on disk, whatever its last commit was said to be', async () => {
  const path = journalPath();
  const db = openDatabase({ path, mode: 'write', synchronous: 'NORMAL' });
  const writer = new LogWriter(db);
  let fate: Fate = 'committed';
  const committer: SessionLogParts['committer'] = {
    touch: () => true,
    submit: async (job) => {
      db.exec('BEGIN');
      job.write();
      log.writeHead();
      db.exec(fate === 'rolled back' ? 'ROLLBACK' : 'COMMIT');
      if (fate === 'committed') return log.committed();
      log.rolledBack();
      throw new McprecError('journal_unwritable', 'the disk said no');
    },
  };
  const open = openDraft(systemClock, { session: newId('ses', ids) });
  const logNo = writer.createSession(readOpening(open.payload), newId('log', ids), open.wallMs, thisOwner());
  new IndexLogs(db, writer, ids).opened(undefined, writer.readTail(logNo).logId);
  const { entries, tail } = extend(emptyTail(writer.readTail(logNo).logId), [open], ids.random);
  for (const entry of entries) writer.insert(logNo, entry);
  writer.advance(logNo, tail);
  const log = new SessionLog(readOpening(open.payload).session, logNo, tail, { committer, writer, random: ids.random, ended: () => undefined });

  const steps: readonly (readonly [Fate, number])[] = [
    ['committed', 2],
    ['rolled back', 2],
    ['committed', 4],
    ['committed, but reported as failed', 4],
    ['committed', 6],
    ['rolled back', 6],
    ['rolled back', 6],
    ['committed, but reported as failed', 6],
    ['committed, but reported as failed', 8],
    ['committed', 10],
  ];
  for (const [n, [next, size]] of steps.entries()) {
    fate = next;
    await log.append([requestDraft(systemClock, n)]).catch((error) => expect(error).toMatchObject({ code: 'journal_unwritable' }));
    expect(log.size).toBe(size);
  }
  db.close();
  expect(findingsOf(path)).toEqual([]);
});
