// `mcprec sessions sent`: who sent a metric, a check or an event, or asked for a metric, and when.
import { McprecError } from '../base/errors.ts';
import type { Sent } from '../journal/reader.ts';
import { type SentKind, sentKinds } from '../journal/schema.ts';
import { table } from '../tui/columns.ts';
import { identityText, shortIds, timeText } from '../tui/words.ts';
import { readLimit } from './flags.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { openRecord } from './sessions.ts';

export interface SessionsSentOptions {
  readonly kind?: string | undefined;
  readonly limit?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Prints the batches that held that name, newest first. Throws `usage` where a flag is wrong, and what opening the journal throws. */
export async function runSessionsSent(name: string, options: SessionsSentOptions, io: Io): Promise<void> {
  const kind = readKind(options.kind ?? 'metric');
  const limit = readLimit(options.limit);
  using journal = openRecord(io);
  // One more than is shown, to know whether there are more.
  const found = journal?.whoSent(kind, name, limit + 1) ?? [];
  const sent = found.slice(0, limit);
  const more = found.length > limit;
  if (options.json) {
    sayJson(io, { kind, name, sent, more });
    return;
  }
  if (sent.length === 0) {
    note(io, `nobody sent ${kind === 'metric' ? 'or asked for a metric' : `a ${kind}`} of that name in what is recorded on this laptop`);
    return;
  }
  for (const line of sentLines(sent)) say(io, line);
  if (more) note(io, `only the newest ${limit}; more with: --limit`);
  note(io, `one of them whole: mcprec sessions show ${sent[0]?.sessionId} --exchange ID`);
}

/** A head line and one line for each batch. Safe to print. */
function sentLines(sent: readonly Sent[]): string[] {
  const sessions = shortIds(sent.map(({ sessionId }) => sessionId));
  const exchanges = shortIds(sent.map(({ exchange }) => exchange ?? ''));
  const rows = sent.map((one, i) => [
    timeText(one.wallMs),
    identityText(one.identity),
    one.connection,
    String(one.count),
    one.denied ? 'denied' : one.asked ? 'asked' : 'sent',
    sessions[i] ?? one.sessionId,
    exchanges[i] ?? '',
  ]);
  return table(['TIME (UTC)', 'WHO', 'CONNECTION', 'COUNT', 'OUTCOME', 'SESSION', 'EXCHANGE'], rows, ['left', 'left', 'left', 'right', 'left', 'left', 'left']);
}

function readKind(text: string): SentKind {
  if (!isKind(text)) throw new McprecError('usage', `--kind ${text} is none of: ${Object.keys(sentKinds).join(', ')}`);
  return text;
}

function isKind(text: string): text is SentKind {
  return Object.hasOwn(sentKinds, text);
}
