// Steps: what was recorded, read back as a user reads it, and held against both stores.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { decodePayload } from '../../src/journal/coding.ts';
import { codings, entriesPerLog } from '../../src/journal/schema.ts';
import { findValues } from './leaks.ts';
import type { Machine } from './machine.ts';
import type { Stage } from './stage.ts';
import { type RecordedLog, readJournal, readStore } from './stores.ts';
import { askUpstream, mcpRequests } from './upstream.ts';
import type { Connected } from './work.ts';

const HEAD_LINES = 8;
const ANSWER_LINES = 68;

interface PayloadRow {
  readonly entry_id: number;
  readonly payload_coding: number;
  readonly payload: Buffer;
}

/** Both stores, read at the same time. */
export interface Records {
  readonly journal: readonly RecordedLog[];
  readonly store: readonly RecordedLog[];
}

export function readRecords(machine: Machine): Records {
  return { journal: readJournal(machine.journalFile), store: readStore(machine.storeFile) };
}

/** `sessions list` and `show`, against the journal, the gateway's own record and the upstream. */
export async function showSessions(stage: Stage, machine: Machine, { sessions }: Connected, sandbox: string): Promise<void> {
  const list = await machine.run(['sessions', 'list']);
  const listed = list.stdout
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s{2,}/));
  const { journal, store } = readRecords(machine);
  const rows = listed.map(([id = '', , , connection, , state, calls, denied, masked]) => [
    id,
    connection,
    state,
    Number(calls),
    Number(denied),
    Number(masked),
  ]);
  const recounted = journal.map((log, i) => [log.sessionId.slice(0, listed[i]?.[0]?.length), log.connection, 'closed', log.calls, log.denied, log.masked]);
  stage.fact('the list says what a recount of the entries says', 'journal', rows, recounted);
  const own = (log: RecordedLog) => [log.sessionId, log.calls, log.denied];
  const gatewaysOwn = store.filter(({ vantage }) => vantage === 'gateway');
  stage.fact(
    'the gateway, which records for itself, counted the same calls but the one that never came to it',
    'gateway store',
    gatewaysOwn.map(own).sort(),
    lessDenied(journal).sort(),
  );

  const mcp = journal.find(({ sessionId }) => sessionId === sessions.datadog);
  const arrived = mcpRequests(await askUpstream(sandbox)).filter(({ verb, messages }) => verb !== 'POST' || messages.some(({ id }) => id !== undefined));
  stage.fact('the calls of the MCP session are those that arrived and the denied one', 'upstream log', mcp?.calls, arrived.length + 1);
}

/** The forwarder answers a denied call itself: the gateway never hears of it. */
function lessDenied(journal: readonly RecordedLog[]): (string | number)[][] {
  return journal.map((log) => [log.sessionId, log.calls - log.denied, 0]);
}

/** Shows the session and its most telling exchange; `secrets` must not be seen in it. */
export async function showExchange(stage: Stage, machine: Machine, { sessions }: Connected, secrets: readonly string[]): Promise<void> {
  const prefix = (sessions.datadog ?? '').slice(0, 16);
  const shown = await machine.run(['sessions', 'show', prefix]);
  const line = shown.stdout.split('\n').find((text) => text.includes('get_datadog_incident')) ?? '';
  const exchange = /exc_[0-9a-f]+/.exec(line)?.[0] ?? 'none';
  const deniedLine = shown.stdout.split('\n').find((text) => text.includes('no-delete'));
  stage.fact('the denied call stands in the session, with its rule', 'command', deniedLine?.includes('denied'), true);

  const detail = await machine.run(['sessions', 'show', prefix, '--exchange', exchange], { choose: headAndAnswer });
  const marks = ['email', 'card', 'iban', 'phone', 'ip', 'secret'].filter((kind) => new RegExp(`\\[${kind}[:\\w-]*\\]`).test(detail.stdout));
  stage.fact('marks stand where e-mails, cards, accounts, phones, addresses and keys stood', 'command', marks, [
    'email',
    'card',
    'iban',
    'phone',
    'ip',
    'secret',
  ]);
  stage.fact(
    `none of the ${secrets.length} values can be read there`,
    'command',
    findValues(secrets, [{ where: 'the shown exchange', text: detail.stdout }]),
    [],
  );

  const { journal, store } = readRecords(machine);
  const answers = [...journal, ...store].flatMap(({ vantage, entries }) =>
    entries
      .filter(({ leaf }) => leaf.exchange?.startsWith(exchange) && leaf.direction === 'down')
      .map(({ leaf, payload }) => ({ vantage, masked: leaf.maskedCount ?? 0, payload })),
  );
  stage.fact('laptop, its copy at the gateway, and the gateway’s own record hold this answer', 'both stores', answers.map(({ vantage }) => vantage).sort(), [
    'forwarder',
    'forwarder',
    'gateway',
  ]);
  const masked = new Set(answers.map(({ masked }) => masked));
  const [count = 0] = masked;
  stage.fact(
    `each with the same ${count} values masked, and the same text`,
    'both stores',
    [masked.size, count > 0, new Set(answers.map((a) => a.payload)).size],
    [1, true, 1],
  );
}

/** The facts, and the answer as far as it is interesting: what follows is the same data once more. */
function headAndAnswer(lines: readonly string[]): string[] {
  const from = lines.findIndex((line) => line.startsWith('← '));
  const to = from + ANSWER_LINES;
  return [...lines.slice(0, HEAD_LINES), `… ${from - HEAD_LINES} lines`, ...lines.slice(from, to), `… ${lines.length - to} lines`];
}

/** The sync state, and that the gateway's copy is the journal, leaf by leaf. */
export async function showSync(stage: Stage, machine: Machine): Promise<void> {
  const status = await machine.run(['sync', '--status']);
  stage.fact('nothing waits to be synced', 'command', status.stdout, 'the gateway has everything');
  const { journal, store } = readRecords(machine);
  const heads = (logs: readonly RecordedLog[]) =>
    logs.map(({ logId, entries, root }) => ({ logId, entries: entries.length, root })).sort((a, b) => a.logId.localeCompare(b.logId));
  const copies = store.filter(({ vantage }) => vantage === 'forwarder');
  stage.fact(`the gateway’s copies of the ${journal.length} logs have the roots that the journal has`, 'both stores', heads(copies), heads(journal));
}

/** `verify` on the journal, and on a copy in which one word of one recorded answer was changed. */
export async function showVerify(stage: Stage, machine: Machine): Promise<void> {
  const good = await machine.run(['verify']);
  const entries = readJournal(machine.journalFile).reduce((sum, log) => sum + log.entries.length, 0);
  const sessions = readJournal(machine.journalFile).length;
  stage.fact(
    'every entry of every session is verified',
    'journal',
    [good.code, good.stdout.split('\n').at(-1)],
    [0, `${sessions} sessions, ${entries} entries: all verified`],
  );

  stage.tell('the same on a copy of the journal in which somebody changed one word of one answer:');
  const copy = machine.path('tampered');
  mkdirSync(copy);
  copyFileSync(machine.journalFile, join(copy, 'journal.db'));
  const tampered = changeOneWord(join(copy, 'journal.db'));
  const bad = await machine.run(['verify'], { home: copy });
  const found = [...bad.stdout.matchAll(/^ +entry (\d+): (\w+)/gm)].map(([, index, code]) => [Number(index), code]);
  stage.fact('verify finds that entry and no other', 'command', [bad.code, found], [7, [[tampered, 'payload_differs']]]);
}

/** Replaces a word in the largest payload; the index of its entry. */
function changeOneWord(path: string): number {
  const db = new Database(path);
  try {
    const row = db.prepare<[], PayloadRow>('SELECT entry_id, payload_coding, payload FROM entries ORDER BY length(payload) DESC LIMIT 1').get();
    const plain = row && decodePayload({ bytes: row.payload, coding: row.payload_coding === codings.zstd ? 'zstd' : 'identity' });
    if (row === undefined || plain === undefined) throw new Error('the copy of the journal has no payload to change');
    const changed = Buffer.from(new TextDecoder().decode(plain).replace('error', 'trace'));
    if (changed.equals(plain)) throw new Error('the payload to change does not have the word');
    db.prepare('UPDATE entries SET payload = ?, payload_coding = ? WHERE entry_id = ?').run(changed, codings.identity, row.entry_id);
    return row.entry_id % entriesPerLog;
  } finally {
    db.close();
  }
}
