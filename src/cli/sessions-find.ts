// `mcprec sessions find`: where words were recorded.
import type { Found } from '../journal/text-search.ts';
import { table } from '../tui/columns.ts';
import { identityText, shortIds, timeText } from '../tui/words.ts';
import { readLimit } from './flags.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { openRecord } from './sessions.ts';

export interface SessionsFindOptions {
  readonly limit?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Fewer are in the index before anybody wonders what takes so long. */
const PROGRESS_ENTRIES_MIN = 20_000;

/** Prints the entries with all of these words, those of the newest session first. Throws `usage` where a flag or a word is wrong, and what opening the journal throws. */
export async function runSessionsFind(words: readonly string[], options: SessionsFindOptions, io: Io): Promise<void> {
  const limit = readLimit(options.limit);
  using journal = openRecord(io);
  let isSaid = false;
  const progress = (_done: number, all: number): void => {
    if (isSaid || all < PROGRESS_ENTRIES_MIN) return;
    isSaid = true;
    note(io, `reading ${all} entries for the first time; this is done once`);
  };
  const all = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== '');
  // One more than is shown, to know whether there are more.
  const found = journal?.findText({ words: all, limit: limit + 1, progress }) ?? [];
  const shown = found.slice(0, limit);
  const more = found.length > limit;
  if (options.json) {
    sayJson(io, { words: all, found: shown, more });
    return;
  }
  if (shown.length === 0) {
    note(io, 'nothing that is recorded on this laptop has all of these words');
    return;
  }
  for (const line of foundLines(shown)) say(io, line);
  if (more) note(io, `only the newest ${limit}; more with: --limit`);
  note(io, `one of them whole: mcprec sessions show ${shown[0]?.sessionId} --exchange ID`);
}

/** A head line and one line for each entry. Safe to print. */
function foundLines(found: readonly Found[]): string[] {
  const sessions = shortIds(found.map(({ sessionId }) => sessionId));
  const exchanges = shortIds(found.map(({ exchange }) => exchange ?? ''));
  const rows = found.map((one, i) => [
    timeText(one.wallMs),
    identityText(one.identity),
    one.connection,
    one.direction === undefined ? one.kind : one.direction === 'up' ? 'request' : 'answer',
    one.excerpt,
    sessions[i] ?? one.sessionId,
    exchanges[i] ?? '',
  ]);
  return table(['TIME (UTC)', 'WHO', 'CONNECTION', 'IN', 'TEXT', 'SESSION', 'EXCHANGE'], rows, ['left', 'left', 'left', 'left', 'left', 'left', 'left']);
}
