// `mcprec sessions`: the list, and the door to the browser of recordings on a terminal.
import { existsSync } from 'node:fs';
import { McprecError } from '../base/errors.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import { type LogState, logStates } from '../journal/schema.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import type { Start } from '../tui/browser.ts';
import { table } from '../tui/columns.ts';
import { countText, durationText, identityText, shortIds, timeText } from '../tui/words.ts';
import { readLimit } from './flags.ts';
import { journalPath } from './home.ts';
import { type Io, note, say, sayJson } from './io.ts';
import type { SecretFlags } from './login.ts';

export interface SessionsListOptions {
  readonly connection?: string | undefined;
  readonly state?: string | undefined;
  readonly limit?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface SessionsAnywhereOptions extends SessionsListOptions, SecretFlags {
  /** The list of this gateway in place of the journal's. */
  readonly gateway?: string | undefined;
}

const HINT = 'nothing is recorded yet; record something with: mcprec connect';

/** On a terminal the browser, until its user leaves it; elsewhere, or with `json`, the list. */
export async function runSessions(options: SessionsListOptions, io: Io): Promise<void> {
  using journal = openRecord(io);
  if (journal === undefined || options.json || !isTerminal(io)) {
    printList(journal, options, io);
    return;
  }
  const { limit: _, ...query } = readQuery(options);
  await openBrowser(journal, { screen: 'list', query }, io);
}

/** Shows the browser until its user leaves it. */
export async function openBrowser(journal: Journal, start: Start, io: Io): Promise<void> {
  const { stdin, stdout, stderr, clock, env, signal } = io;
  const { browse } = await import('../tui/browse.ts');
  await browse({ journal, start, stdin, stdout, stderr, clock, env, signal });
}

/** Prints the sessions, newest first: the journal's, or those that a gateway knows of. Throws `usage` where a flag is wrong, and what opening the journal throws. */
export async function runSessionsList(options: SessionsAnywhereOptions, io: Io): Promise<void> {
  const { gateway } = options;
  if (gateway !== undefined) {
    const { limit, ...query } = readQuery(options);
    if (Object.keys(query).length > 0) throw new McprecError('usage', '--connection and --state do not go with --gateway', { remedy: 'leave them out' });
    return (await import('./sessions-gateway.ts')).listAtGateway({ ...options, gateway, limit }, io);
  }
  using journal = openRecord(io);
  printList(journal, options, io);
}

/** The journal for reading; undefined where nothing has been recorded yet. */
export function openRecord(io: Io): Journal | undefined {
  const path = journalPath(io.home);
  return existsSync(path) ? openJournal({ path, clock: io.clock, random: io.random, mode: 'read' }) : undefined;
}

/** The same for a command that needs a session. Throws `not_found`. */
export function openRecordOf(io: Io): Journal {
  return openJournal({ path: journalPath(io.home), clock: io.clock, random: io.random, mode: 'read' });
}

/** True where someone can look and type. */
export function isTerminal(io: Io): boolean {
  return io.stdout.isTTY === true && io.stdin.isTTY === true;
}

function printList(journal: Journal | undefined, options: SessionsListOptions, io: Io): void {
  const { limit, ...query } = readQuery(options);
  // One more than is shown, to know whether there are more.
  const found = journal?.sessions({ ...query, limit: limit + 1 }) ?? [];
  const sessions = found.slice(0, limit);
  const more = found.length > limit;
  if (options.json) {
    sayJson(io, { sessions, more });
    return;
  }
  if (sessions.length === 0) {
    note(io, journal === undefined || Object.keys(query).length === 0 ? HINT : 'no session matches; leave out --connection or --state to see all');
    return;
  }
  for (const line of listLines(sessions, io.clock.wallMs())) say(io, line);
  if (more) note(io, `only the newest ${countText(limit, 'session')}; more with: --limit`);
}

/** A head line and one line for each session. Safe to print. */
export function listLines(sessions: readonly SessionSummary[], nowMs: number): string[] {
  const ids = shortIds(sessions.map((session) => session.sessionId));
  const rows = sessions.map((session, i) => [
    ids[i] ?? session.sessionId,
    timeText(session.openedMs),
    durationText(Math.max(0, (session.endedMs ?? nowMs) - session.openedMs)),
    session.connection,
    identityText(session.identity),
    session.state,
    String(session.calls),
    String(session.denied),
    String(session.masked),
    receiptsWord(session),
  ]);
  return table(['SESSION', 'OPENED (UTC)', 'LASTED', 'CONNECTION', 'WHO', 'STATE', 'CALLS', 'DENIED', 'MASKED', 'RECEIPTS'], rows, [
    'left',
    'left',
    'right',
    'left',
    'left',
    'left',
    'right',
    'right',
    'right',
    'left',
  ]);
}

/** How much of it somebody else vouches for. */
function receiptsWord({ receipted, size }: SessionSummary): string {
  if (receipted === 0) return 'self-attested';
  return receipted >= size ? 'all' : `${receipted} of ${size}`;
}

function readQuery({ connection, state, limit }: SessionsListOptions): { limit: number; connection?: string; state?: LogState } {
  const count = readLimit(limit);
  if (state !== undefined && !isState(state)) throw new McprecError('usage', `--state ${state} is none of: ${Object.keys(logStates).join(', ')}`);
  return { limit: count, ...(connection !== undefined && { connection }), ...(state !== undefined && { state }) };
}

function isState(text: string): text is LogState {
  return Object.hasOwn(logStates, text);
}
