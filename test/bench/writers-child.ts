// One of several processes that write the same journal as fast as they can, a commit at a time: `node writers-child.ts PATH MS`. Sends its commits and their waits.
import { once } from 'node:events';
import { systemClock } from '../../src/base/clock.ts';
import { newId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { closeDraft, openDraft, requestDraft } from '../evidence/samples.ts';

const [path = '', ms = '0'] = process.argv.slice(2);
const ids = { clock: systemClock, random: systemRandom };
using journal = openJournal({ path, ...ids });
const log = await journal.openSession({ logId: newId('log', ids), open: openDraft(systemClock, { session: newId('ses', ids) }) });

process.send?.('ready');
await once(process, 'message');
const end = performance.now() + Number(ms);
let commits = 0;
let worstMs = 0;
for (let now = performance.now(); now < end; commits++) {
  await log.append([requestDraft(systemClock, commits)]);
  const after = performance.now();
  worstMs = Math.max(worstMs, after - now);
  now = after;
}
await log.close(closeDraft(systemClock));
process.send?.({ commits, worstMs });
process.disconnect();
