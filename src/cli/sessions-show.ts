// `mcprec sessions show`: one session with its exchanges, or one exchange with all that was said.
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Journal } from '../journal/journal.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import type { SessionReport } from '../journal/verify.ts';
import { table } from '../tui/columns.ts';
import { type RecordedExchange, Recording, readEntries, readFacts } from '../tui/recording.ts';
import { exchangeFacts, labelOf, remarkOf, sectionsOf } from '../tui/sections.ts';
import { sessionFacts } from '../tui/session-facts.ts';
import { clockText, countText, durationText, shortIds } from '../tui/words.ts';
import { type Io, note, say, sayJson } from './io.ts';
import type { SecretFlags } from './login.ts';
import { bold, sayFacts, sayPretty } from './paint.ts';
import { openRecordOf } from './sessions.ts';
import { exchangeJson, exchangeOutline } from './sessions-json.ts';

export interface SessionsShowOptions extends SecretFlags {
  /** Id or unique prefix. */
  readonly exchange?: string | undefined;
  /** What this gateway has of it, in place of what the journal has. */
  readonly gateway?: string | undefined;
  readonly json?: boolean | undefined;
}

const TEXT_BOUNDS = { linesMax: limits.printedLinesMax, charactersMax: limits.printedCharactersMax };

/** Prints a session, or one of its exchanges. Throws `not_found`, `id_ambiguous`, and what reading the journal throws. */
export async function runSessionsShow(idPrefix: string, options: SessionsShowOptions, io: Io): Promise<void> {
  const { gateway, exchange } = options;
  if (gateway !== undefined && exchange !== undefined)
    throw new McprecError('usage', '--exchange does not go with --gateway', { remedy: 'leave out one of the two' });
  if (gateway !== undefined) return (await import('./sessions-gateway.ts')).showAtGateway(idPrefix, { ...options, gateway }, io);
  using journal = openRecordOf(io);
  const session = journal.findSession(idPrefix);
  const recording = new Recording(journal, session);
  recording.readAll();
  if (options.exchange === undefined) showSession(journal, session, recording, { ...options, idPrefix }, io);
  else showExchange(journal, session, findExchange(recording.exchanges, options.exchange), options, io);
}

/** The exchange with that id, or the only one whose id begins so (`exc_` may be left out). Throws `not_found`, `id_ambiguous`. */
export function findExchange(exchanges: readonly RecordedExchange[], idOrPrefix: string): RecordedExchange {
  const prefix = idOrPrefix.startsWith('exc_') ? idOrPrefix : `exc_${idOrPrefix}`;
  const [found, second] = exchanges.filter(({ exchange }) => exchange.startsWith(prefix));
  if (found === undefined) throw new McprecError('not_found', `the session has no exchange ${idOrPrefix}`, { remedy: 'leave out --exchange to see them all' });
  if (second !== undefined) throw new McprecError('id_ambiguous', `more than one exchange begins with ${idOrPrefix}`);
  return found;
}

interface Asked extends SessionsShowOptions {
  readonly idPrefix: string;
}

function showSession(journal: Journal, session: SessionSummary, recording: Recording, options: Asked, io: Io): void {
  const report = journal.verifier().verifySession(session.sessionId);
  const facts = readFacts(journal, session.logId);
  const { exchanges } = recording;
  const root = Buffer.from(recording.root).toString('hex');
  if (options.json) {
    const { reason, upstream, device } = facts;
    const log = { logId: session.logId, entries: recording.entries.length, root, verified: report.findings.length === 0, findings: report.findings };
    sayJson(io, { session: { ...session, reason, upstream, device }, log, exchanges: exchanges.map(exchangeOutline) });
    return;
  }
  sayFacts(io, [...sessionFacts(session, facts, io.clock.wallMs()), ['root', `${root}, ${verdictText(report)}`]]);
  say(io, '');
  if (exchanges.length === 0) {
    say(io, session.record === 'off' ? 'nothing was recorded: the connection says record: off' : 'no calls yet');
    return;
  }
  for (const line of exchangeLines(exchanges)) say(io, line);
  note(io, `one of them whole: mcprec sessions show ${options.idPrefix} --exchange ID`);
}

function verdictText({ findings, more }: SessionReport): string {
  return findings.length === 0 ? 'verified' : `NOT VERIFIED, ${countText(findings.length + more, 'finding')}; run: mcprec verify`;
}

/** A head line and one line for each exchange. Safe to print. */
export function exchangeLines(exchanges: readonly RecordedExchange[]): string[] {
  const ids = shortIds(exchanges.map(({ exchange }) => exchange));
  const rows = exchanges.map((exchange, i) => [
    clockText(exchange.startedMs),
    `${exchange.parent === undefined ? '' : '↳ '}${labelOf(exchange)}`,
    exchange.outcome,
    exchange.durationMs === undefined || exchange.answers.length === 0 ? '' : durationText(exchange.durationMs),
    String(exchange.maskedCount),
    ids[i] ?? exchange.exchange,
    remarkOf(exchange),
  ]);
  return table(['TIME (UTC)', 'TOOL OR METHOD', 'OUTCOME', 'TOOK', 'MASKED', 'EXCHANGE', 'REMARK'], rows, [
    'left',
    'left',
    'left',
    'right',
    'right',
    'left',
    'left',
  ]);
}

function showExchange(journal: Journal, session: SessionSummary, exchange: RecordedExchange, options: SessionsShowOptions, io: Io): void {
  if (options.json) {
    say(io, exchangeJson(session, exchange, readEntries(journal, session.logId, exchange, Number.POSITIVE_INFINITY)));
    return;
  }
  const entries = readEntries(journal, session.logId, exchange);
  sayFacts(io, [['session', session.sessionId], ...exchangeFacts(exchange)]);
  for (const { title, facts, lines } of sectionsOf(entries, TEXT_BOUNDS)) {
    say(io, '');
    say(io, bold(io, title));
    sayFacts(io, facts, 2);
    for (const line of lines) sayPretty(io, line, 2);
  }
  const left = exchange.answers.length + 1 - entries.length;
  if (left > 0 && exchange.request !== undefined) note(io, `${countText(left, 'entry', 'entries')} more; all of them: --json`);
}
