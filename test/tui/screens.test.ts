// The screens without a terminal: keys in, rows out, on a real journal.
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { Browser } from '../../src/tui/browser.ts';
import { displayWidth } from '../../src/tui/columns.ts';
import type { Screen } from '../../src/tui/screen.ts';
import { HandClock, MORNING, Recorder, recordWork, toolCall } from './recorder.ts';
import { linesOf, newJournal, openBy, press, SIZE, selectedOf, settle } from './support.ts';

function openList(journal: Journal, query = {}): Screen {
  const browser = new Browser(journal, new HandClock(MORNING + 3_600_000), { screen: 'list', query }, (error) => {
    throw error;
  });
  const [list] = browser.screens;
  if (list === undefined) throw new Error('the browser has no screen');
  settle(list);
  return list;
}

async function openWork(): Promise<{ journal: Journal; work: Recorder; timeline: Screen }> {
  const { journal } = newJournal();
  const work = await recordWork(journal);
  await work.close();
  return { journal, work, timeline: openBy(openList(journal), 'enter') };
}

describe('the list', () => {
  test('shows sessions newest first, their counts and states', async () => {
    const { journal } = newJournal();
    await (await recordWork(journal)).close();
    await Recorder.open(journal, { connection: 'localhost:3000' }, new HandClock(MORNING + 60_000));
    const list = openList(journal);
    expect(linesOf(list)).toEqual([
      '2 sessions, 1 open',
      '',
      '  OPENED (UTC)      CONNECTION       WHO                STATE     CALLS  DENIED',
      '› 2026-11-22 10:01  localhost:3000   nobody (solo)      open          0       ·',
      '  2026-11-22 10:00  datadog          ana@example.com    closed        6       1',
    ]);
    expect(press(list, 'j')).toBeUndefined();
    expect(selectedOf(list)).toContain('datadog');
    expect(linesOf(list, { width: 130, height: 10 })[3]).toMatch(
      /^ {2}2026-11-22 10:01 {3}59m 00s {2}localhost:3000 {7}nobody \(solo\) {12}open {10}0 {7}· {7}· {2}ses_01a202b3af60[0-9a-f]{4}$/,
    );
  });

  test('filters as one types, on every word, and keeps the selection', async () => {
    const { journal } = newJournal();
    for (const connection of ['alpha', 'beta', 'alpha-two']) await (await Recorder.open(journal, { connection })).close();
    const list = openList(journal);
    press(list, '/', ...'al');
    expect(linesOf(list)[0]).toBe('2 of 3 sessions   filter: al');
    press(list, ...' TWO');
    expect(linesOf(list)[0]).toBe('1 of 3 sessions   filter: al TWO');
    expect(selectedOf(list)).toContain('alpha-two');
    press(list, 'q');
    expect(linesOf(list).join('\n')).toContain('no session matches the filter');
    press(list, 'backspace', 'enter', 'escape');
    expect(linesOf(list)[0]).toBe('3 sessions');
    expect(selectedOf(list)).toContain('alpha-two');
    expect(press(list, 'escape')).toEqual({ kind: 'back' });
  });

  test('follows sessions that run, and takes in new ones above the selected one', async () => {
    const { journal } = newJournal();
    const clock = new HandClock();
    const running = await Recorder.open(journal, { connection: 'first' }, clock);
    const list = openList(journal);
    await running.call('get_datadog_metric', {}, {});
    await Recorder.open(journal, { connection: 'second' }, new HandClock(MORNING + 10_000));
    list.work(limits.browserRefreshMs);
    expect(linesOf(list).slice(3)).toEqual([expect.stringContaining('second'), expect.stringContaining('first')]);
    expect(selectedOf(list)).toMatch(/first .*open +1 /);
  });

  test('reads a journal of thousands page by page', async () => {
    const { journal } = newJournal();
    const count = limits.browserPageSessions * 2 + 3;
    for (let i = 0; i < count; i++) await Recorder.open(journal, { connection: `c${i}` }, new HandClock(MORNING + i));
    const browser = new Browser(journal, new HandClock(), { screen: 'list', query: {} }, () => undefined);
    const list = browser.screens[0] as Screen;
    expect(list.work(0)).toBe(0);
    expect(linesOf(list)[0]).toBe(`500 sessions, 500 open (reading on)`);
    settle(list);
    expect(linesOf(list)[0]).toBe('1,003 sessions, 1003 open');
    press(list, 'G');
    expect(selectedOf(list)).toContain(' c0 ');
  });

  test('says what to do where there is nothing', () => {
    const { journal } = newJournal();
    expect(linesOf(openList(journal)).join('\n')).toMatch(/nothing is recorded yet\n +record something with: mcprec connect/);
    expect(linesOf(openList(journal, { connection: 'x' })).join('\n')).toContain('no session matches --connection or --state');
  });
});

describe('the timeline', () => {
  test('shows the head and a line for each exchange', async () => {
    const { timeline } = await openWork();
    const lines = linesOf(timeline);
    expect(lines[4]).toMatch(/^proof {3}0 of 16 entries synced · root [0-9a-f]{16} verified$/);
    expect([...lines.slice(0, 4), ...lines.slice(5)]).toEqual([
      'who     ana@example.com on datadog (mcp) · https://mcprec.example.com',
      'when    2026-11-22 10:00:00 UTC, closed after 41.89 s',
      'why     INC-4711: checkout is slow',
      'what    6 calls, 1 denied, 2 masked · recorded: full',
      '',
      '1 of 7',
      '  TIME (UTC)    TOOL OR METHOD        OUTCOME     TOOK  MASKED  REMARK',
      '› 10:00:00.040  initialize            ok         65 ms       ·',
      '  10:00:01.005  search_datadog_logs   ok        238 ms       2',
      '  10:00:01.743  get_datadog_metric    ok        1.45 s       ·',
      '  10:00:03.693  delete_monitor        denied                 ·  rule no-delete',
      '  10:00:05.693  analyze_datadog_logs  failed    1.20 s       ·',
      '  10:00:36.893  search_datadog_spans  aborted   5.00 s       ·  client went away',
      '  10:00:41.893  the session was closed',
    ]);
  });

  test('verifies on demand, and says so before', async () => {
    const { timeline } = await openWork();
    press(timeline, 'v');
    expect(timeline.work(0)).toBeGreaterThan(0);
    expect(linesOf(timeline)[4]).toMatch(/ verifying$/);
    timeline.work(100);
    expect(linesOf(timeline)[4]).toMatch(/ verified$/);
  });

  test('filters by outcome, rule or tool', async () => {
    const { timeline } = await openWork();
    press(timeline, '/', ...'denied no-del', 'enter');
    expect(selectedOf(timeline)).toContain('delete_monitor');
    expect(linesOf(timeline)[6]).toBe('1 of 1   filter: denied no-del');
  });

  test('follows a session that runs while the last line is selected', async () => {
    const { journal } = newJournal();
    const work = await Recorder.open(journal);
    await work.call('one', {}, {});
    await work.call('two', {}, {});
    const timeline = openBy(openList(journal), 'enter');
    press(timeline, 'G');
    const open = work.newExchange();
    await work.say(open, toolCall('three', {}));
    timeline.work(limits.browserRefreshMs);
    expect(selectedOf(timeline)).toMatch(/three +pending/);
    press(timeline, 'g');
    await work.close();
    timeline.work(2 * limits.browserRefreshMs);
    expect(selectedOf(timeline)).toContain('one');
    expect(linesOf(timeline).join('\n')).toMatch(/three +aborted/);
    expect(timeline.work(3 * limits.browserRefreshMs)).toBeUndefined();
  });

  test('stays within its size, whatever that is and whatever was recorded', async () => {
    const { journal } = newJournal();
    const evil = await Recorder.open(journal, {
      connection: '\u001b[2J\u202e接続'.repeat(9),
      reason: 'x\u0007'.repeat(200),
      identity: { issuer: 'i', subject: '\u001b]0;pwn\u0007' },
    });
    await evil.call('rm\u001b[31m日本語'.repeat(20), { a: '\u009b2J' }, { content: [{ type: 'text', text: '\u001b]52;c;ZXZpbA==\u0007\n\u202e' }] });
    const list = openList(journal);
    const timeline = openBy(list, 'enter');
    const exchange = openBy(timeline, 'enter');
    press(exchange, 'tab');
    const replay = openBy(timeline, 'r');
    for (const screen of [list, timeline, exchange, replay]) {
      for (const size of [SIZE, { width: 200, height: 50 }, { width: 40, height: 12 }, { width: 132, height: 17 }]) {
        const lines = linesOf(screen, size);
        expect(lines.length).toBeLessThanOrEqual(size.height);
        for (const line of lines) {
          expect(line).not.toMatch(/[\p{Cc}\u202e]/u);
          if (size.width >= 80) expect(displayWidth(line)).toBeLessThanOrEqual(size.width);
        }
      }
    }
  });
});

describe('an exchange', () => {
  test('shows request, answers and record, and goes on to the next', async () => {
    const { timeline } = await openWork();
    press(timeline, 'j');
    const exchange = openBy(timeline, 'enter');
    expect(exchange.title).toBe('search_datadog_logs');
    expect(linesOf(exchange).slice(0, 8)).toEqual([
      'ok   10:00:01.005 · 238 ms · 2 masked',
      '',
      ' Request   Answer   Record    exchange 2 of 6',
      '',
      '→ request  10:00:01.005 · 157 B · entry 3',
      '{',
      '  "jsonrpc": "2.0",',
      '  "id": 1,',
    ]);
    press(exchange, 'tab');
    expect(linesOf(exchange)[2]).toBe(' Request   Answer   Record    lines 1–17 of 25  exchange 2 of 6');
    press(exchange, 'G');
    expect(linesOf(exchange).join('\n')).toContain('"message": "card [card] declined for [email]"');
    press(exchange, 'tab');
    expect(linesOf(exchange).join('\n')).toMatch(/payload {3}[0-9a-f]{64}/);
    press(exchange, 'n', 'n', 'left');
    expect(exchange.title).toBe('delete_monitor');
    expect(linesOf(exchange).join('\n')).toContain('mcprec answered itself; nothing was sent upstream');
    press(exchange, ...'nnnnnn');
    expect(linesOf(exchange)[2]).toContain('exchange 6 of 6');
    expect(linesOf(exchange).join('\n')).toContain('client went away');
    expect(press(exchange, 'q')).toEqual({ kind: 'back' });
  });

  test('says why there is no payload', async () => {
    const { journal } = newJournal();
    const intake = await Recorder.open(journal, { connection: 'intake', kind: 'datadog-intake', record: 'metadata' });
    const id = intake.newExchange();
    await intake.log.append([
      { ...intake.draft(id, { message: 'http', names: { method: 'POST', uri: '/api/v2/series', metrics: { 'checkout.latency': 3 } } }), wireBytes: 512 },
    ]);
    const exchange = openBy(openBy(openList(journal), 'enter'), 'enter');
    expect(linesOf(exchange).slice(4)).toEqual([
      '→ http  10:00:00.000 · 512 B · entry 1',
      'metrics  checkout.latency ×3',
      'not recorded: this connection records no contents',
      '',
    ]);
  });
});

describe('the replay', () => {
  test('plays at the recorded pace and in steps', async () => {
    const { timeline } = await openWork();
    const replay = openBy(timeline, 'r');
    const shown = () => linesOf(replay).filter((line) => /^\d\d:\d\d\.\d{3} /.test(line));
    expect(shown()).toEqual(['00:00.000  the session was opened']);
    expect(replay.work(39)).toBeGreaterThan(0);
    expect(shown()).toHaveLength(1);
    replay.work(40);
    expect(shown().at(-1)).toBe('00:00.040  → initialize   142 B');
    press(replay, ' ', 'right', 'right');
    expect(shown().at(-1)).toBe('00:01.005  → search_datadog_logs   157 B');
    expect(linesOf(replay).join('\n')).toContain('"query": "service:checkout status:error"');
    press(replay, 'left');
    expect(shown().at(-1)).toMatch(/← initialize {3}response/);
    expect(linesOf(replay).join('\n')).toContain('‖ paused 1x   00:00.105  3/16  pauses ≤ 3 s');
    press(replay, 'm', ' ');
    expect(replay.work(41)).toBeUndefined();
    expect(linesOf(replay).join('\n')).toContain('■ end    max  00:41.893  16/16');
  });
});
