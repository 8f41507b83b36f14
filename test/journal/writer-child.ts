// A process that records into a journal until it is done or killed: `node writer-child.ts PATH ENTRIES`.
// Prints the session's id, then the number of each message once it is durable.
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { newId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { closeDraft, openDraft, requestDraft } from '../evidence/samples.ts';

const [path = '', entries = '0'] = process.argv.slice(2);
const total = Number(entries);
const ids = { clock: systemClock, random: systemRandom };
// Not through a stream: what was printed must be out even if the process is killed in the next moment.
const print = (text: string) => writeSync(1, `${text}\n`);

using journal = openJournal({ path, ...ids });
const session = newId('ses', ids);
const log = await journal.openSession({ logId: newId('log', ids), open: openDraft(systemClock, { session }) });
print(session);
let next = 0;
const work = async () => {
  while (next < total) {
    const n = next++;
    await log.append([requestDraft(systemClock, n)]);
    print(String(n));
  }
};
await Promise.all([work(), work(), work()]);
await log.close(closeDraft(systemClock));
