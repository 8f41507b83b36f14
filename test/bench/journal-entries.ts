// What `bench:journal` records: calls of a few hundred bytes whose answers are a kilobyte, as telemetry has them.
import { systemClock } from '../../src/base/clock.ts';
import { type LogId, newId } from '../../src/base/ids.ts';
import { limits } from '../../src/base/limits.ts';
import { markMasked } from '../../src/base/masked.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { SessionLog } from '../../src/journal/session-log.ts';
import { answerDraft, openDraft, payload, requestDraft } from '../evidence/samples.ts';

export const ids = { clock: systemClock, random: systemRandom };
const ANSWER_TEXT_BYTES = 1024;

/** Opens a session to record in. */
export function openSession(journal: Journal, logId: LogId = newId('log', ids), gateway?: string): Promise<SessionLog> {
  return journal.openSession({ logId, open: openDraft(systemClock, { session: newId('ses', ids), ...(gateway !== undefined && { gateway }) }) });
}

/** Drafts of requests and their answers in turn, ready to be appended. */
export function draftsOf(entries: number): EntryDraft[] {
  return Array.from({ length: entries }, (_, n) =>
    n % 2 === 0 ? requestDraft(systemClock, n, { names }) : answerDraft(systemClock, n - 1, { payload: answer }),
  );
}

/** Appends each draft by itself, as calls do, in groups of as many as one commit takes; one group comes while the one before goes to the disk. */
export async function appendInGroups(log: SessionLog, drafts: readonly EntryDraft[]): Promise<void> {
  let before: Promise<unknown> = Promise.resolve();
  for (let from = 0; from < drafts.length; from += limits.commitEntriesMax) {
    const group = Promise.all(drafts.slice(from, from + limits.commitEntriesMax).map((draft) => log.append([draft])));
    await before;
    before = group;
  }
  await before;
}

const answerText = 'web-1 checkout took 812 ms; '.repeat(Math.ceil(ANSWER_TEXT_BYTES / 28)).slice(0, ANSWER_TEXT_BYTES);
const answer = payload(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: answerText }] } }));
const names = markMasked({ method: 'tools/call', tool: 'search_datadog_logs' });
