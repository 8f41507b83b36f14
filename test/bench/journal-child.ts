// A process of its own that opens a journal, verifies it, and says what that took. Run as: journal-child.ts PATH
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openJournal } from '../../src/journal/journal.ts';

const [path = ''] = process.argv.slice(2);
const options = { path, clock: systemClock, random: systemRandom };
const opening = performance.now();
using journal = openJournal(options);
journal.sessions({ limit: 1 });
const openMs = performance.now() - opening;

const verifier = journal.verifier();
const verifying = performance.now();
let entries = 0;
let findings = verifier.verifyWhole().length;
for (const id of verifier.sessionIds()) {
  const report = verifier.verifySession(id);
  entries += report.entries;
  findings += report.findings.length;
}
const seconds = (performance.now() - verifying) / 1000;
console.log(JSON.stringify({ openMs, entries, findings, seconds, peakMb: process.resourceUsage().maxRSS / 1024 }));
