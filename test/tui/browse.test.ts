// The browser in a real terminal, on a real journal. Needs tmux: skipped where it is missing.
import { kill } from 'node:process';
import { describe, expect, test } from 'vitest';
import { hasTmux, Terminal } from '../support/terminal.ts';
import { HandClock, MORNING, Recorder, recordWork, toolCall } from './recorder.ts';
import { newJournal } from './support.ts';

const LAUNCHER = new URL('../../bin/mcprec.js', import.meta.url).pathname;

function openTerminal(
  home: string,
  { args = ['sessions'], columns = 80, rows = 24, env = {} }: { args?: readonly string[]; columns?: number; rows?: number; env?: Record<string, string> } = {},
) {
  return new Terminal([process.execPath, LAUNCHER, ...args], { columns, rows, env: { MCPREC_HOME: home, ...env } });
}

describe.skipIf(!hasTmux)('mcprec sessions on a terminal (needs tmux; skipped where it is missing)', () => {
  test('goes from the list to an exchange and back', async () => {
    const { home, journal } = newJournal();
    await (await recordWork(journal)).close();
    await (await Recorder.open(journal, { connection: 'localhost:3000' }, new HandClock(MORNING + 60_000))).close();
    using terminal = openTerminal(home);
    const list = await terminal.shows('2 sessions');
    expect(list.split('\n')[0]).toBe(' mcprec  sessions');
    expect(list.split('\n')[23]).toBe(' ↑↓ move  enter open  r replay  / filter  q quit');
    terminal.type('Down', 'Enter');
    await terminal.shows(/verified[\s\S]*delete_monitor +denied +· +rule no-delete/);
    terminal.type('/', 'n', 'o', 'n', 'e');
    await terminal.shows('0 of 0   filter: none');
    terminal.type('Escape');
    await terminal.shows('1 of 7');
    terminal.type('/', 'l', 'o', 'g', 's', 'Enter');
    await terminal.shows('1 of 2   filter: logs');
    terminal.type('Enter', 'Tab');
    await terminal.shows('JSON in a string:');
    terminal.type('G');
    await terminal.shows('"message": "card [card] declined for [email]"');
    terminal.type('q', 'q');
    await terminal.shows('2 sessions');
    terminal.type('q');
    const after = await terminal.shows('ended 0');
    expect(after).not.toContain('mcprec');
  });

  test('replays at a chosen speed', async () => {
    const { home, journal } = newJournal();
    const work = await recordWork(journal);
    await work.close();
    using terminal = openTerminal(home, { args: ['sessions', 'replay', work.sessionId, '--speed', 'max'] });
    const end = await terminal.shows('■ end    max  00:41.893  16/16');
    expect(end).toContain('00:41.893  ← search_datadog_spans   failed · client went away');
    terminal.type('C-c');
    await terminal.shows('ended 0');
  });

  test('shows what happens while it is open, at any size', async () => {
    const { home, journal } = newJournal();
    const work = await Recorder.open(journal, { connection: 'live' });
    using terminal = openTerminal(home);
    await terminal.shows('1 session, 1 open');
    terminal.type('Enter');
    await terminal.shows('no calls yet');
    await work.say(work.newExchange(), toolCall('get_datadog_metric', {}));
    await terminal.shows(/get_datadog_metric +pending/);
    terminal.resize(150, 30);
    await terminal.shows(/SIZE +EXCHANGE[\s\S]*get_datadog_metric .* exc_/);
    terminal.resize(46, 9);
    const small = await terminal.shows(/^ mcprec[\s\S]*\n› .*get_datadog_metric +pending\n[\s\S]* q back/);
    expect(small.trimEnd().split('\n')).toHaveLength(9);
    for (const pid of terminal.pids()) kill(pid, 'SIGTERM');
    await terminal.shows('ended 0');
  });

  test('lets nothing hostile reach the terminal', async () => {
    const { home, journal } = newJournal();
    const evil = await Recorder.open(journal, { connection: 'evil\u001b[2J\u001b[31m', identity: { issuer: 'i', subject: 'm\u001b]0;pwned\u0007' } });
    await evil.call('rm\u001b[2J', { x: '\u009b2J\u202egnp' }, { content: [{ type: 'text', text: 'a\n\u001b[2Jb' }] });
    await evil.close();
    using terminal = openTerminal(home, { columns: 120 });
    await terminal.shows('evil\\u{1b}[2J\\');
    terminal.type('Enter');
    await terminal.shows('rm\\u{1b}[2J');
    terminal.type('Enter');
    await terminal.shows('"x": "\\u{9b}2J\\u{202e}gnp"');
    terminal.type('Tab');
    await terminal.shows('│ \\u{1b}[2Jb');
    terminal.type('q', 'r');
    await terminal.shows('→ rm\\u{1b}[2J');
  });

  test('has colours, and none where NO_COLOR is set', async () => {
    const { home, journal } = newJournal();
    await (await recordWork(journal)).close();
    const coloured = /\u001b\[[\d;]*3[1-6]m/;
    for (const [env, expected] of [
      [{}, true],
      [{ NO_COLOR: '1' }, false],
    ] as const) {
      using terminal = openTerminal(home, { env });
      await terminal.shows('1 session');
      terminal.type('Enter');
      await terminal.shows('no-delete');
      expect(coloured.test(terminal.lines('colours').join('\n'))).toBe(expected);
    }
  });

  test('prints the hint where nothing is recorded yet', async () => {
    const { home } = newJournal();
    using terminal = openTerminal(`${home}/none`);
    await terminal.shows('mcprec: nothing is recorded yet; record something with: mcprec connect\nended 0');
  });
});
