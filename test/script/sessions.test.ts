// Transcripts of `mcprec sessions` as the built program prints them where there is no terminal.
import { expect, test } from 'vitest';
import { startMcprec } from '../support/process.ts';
import { HandClock, MORNING, Recorder, recordWork } from '../tui/recorder.ts';
import { newJournal } from '../tui/support.ts';

async function run(home: string, ...args: readonly string[]) {
  await using mcprec = startMcprec(['sessions', ...args], home);
  const { code } = await mcprec.end();
  return { code, out: mcprec.stdout.map(steady), err: mcprec.stderr.trimEnd() };
}

/** What chance decides, written as a name. */
function steady(line: string): string {
  return line.replace(/\b([a-z]{3})_([0-9a-f]{12})[0-9a-f]{20}\b/g, '$1_$2…').replace(/\b[0-9a-f]{64}\b/g, '<hash>');
}

async function recorded() {
  const { home, journal } = newJournal();
  const work = await recordWork(journal);
  await work.close();
  await (await Recorder.open(journal, { connection: 'localhost:3000', upstream: 'http://localhost:3000/mcp' }, new HandClock(MORNING + 60_000))).close();
  return { home, journal, work };
}

test('list', async () => {
  const { home } = await recorded();
  const table = [
    'SESSION           OPENED (UTC)          LASTED  CONNECTION      WHO              STATE   CALLS  DENIED  MASKED  RECEIPTS',
    'ses_01a202b3af60  2026-11-22 10:01:00   0.0 ms  localhost:3000  nobody (solo)    closed      0       0       0  self-attested',
    'ses_01a202b2c500  2026-11-22 10:00:00  41.89 s  datadog         ana@example.com  closed      6       1       2  self-attested',
  ];
  expect(await run(home, 'list')).toEqual({ code: 0, out: table, err: '' });
  expect(await run(home)).toEqual({ code: 0, out: table, err: '' });
  expect(await run(home, 'list', '--connection', 'datadog', '--limit', '1')).toMatchObject({
    code: 0,
    out: [expect.stringMatching(/^SESSION /), expect.stringMatching(/^ses_01a202b2c500 .* datadog /)],
  });
  expect(await run(home, 'list', '--limit', '1')).toMatchObject({
    out: [expect.anything(), expect.stringContaining('localhost:3000')],
    err: 'mcprec: only the newest 1 session; more with: --limit',
  });
  expect(await run(home, 'list', '--state', 'crashed')).toMatchObject({
    code: 0,
    out: [],
    err: 'mcprec: no session matches; leave out --connection or --state to see all',
  });
  const { out } = await run(home, 'list', '--json');
  expect(JSON.parse(out.join('\n'))).toMatchObject({
    more: false,
    sessions: [{ connection: 'localhost:3000' }, { connection: 'datadog', calls: 6, denied: 1, masked: 2, state: 'closed', openedMs: MORNING }],
  });
});

test('list, where nothing was recorded or the flags are wrong', async () => {
  const { home } = newJournal();
  expect(await run(`${home}/none`, 'list')).toEqual({ code: 0, out: [], err: 'mcprec: nothing is recorded yet; record something with: mcprec connect' });
  expect(await run(`${home}/none`, 'list', '--json')).toEqual({ code: 0, out: ['{"sessions":[],"more":false}'], err: '' });
  expect(await run(home, 'list', '--state', 'lost')).toEqual({
    code: 2,
    out: [],
    err: 'mcprec: --state lost is none of: open, closed, crashed; run the command with --help',
  });
  expect(await run(home, 'list', '--limit', 'many')).toMatchObject({
    code: 2,
    err: 'mcprec: --limit many is no number from 1 to 100000; run the command with --help',
  });
  expect(await run(home, 'replay', 'ses_0', '--speed', 'fast')).toMatchObject({
    code: 2,
    err: 'mcprec: --speed fast is neither a number up to 1000 nor max; run the command with --help',
  });
  expect(await run(home, 'find')).toMatchObject({ code: 2, err: "mcprec: missing required argument 'words'; run the command with --help" });
  expect(await run(home, 'list', '--jsn')).toMatchObject({
    code: 2,
    err: "mcprec: unknown option '--jsn' (Did you mean --json?); run the command with --help",
  });
  expect(await run(`${home}/none`, 'show', 'ses_0')).toMatchObject({ code: 2, err: expect.stringContaining('there is no journal at') });
});

test('show a session', async () => {
  const { home, work } = await recorded();
  expect(await run(home, 'show', work.sessionId.slice(4, 16))).toEqual({
    code: 0,
    err: 'mcprec: one of them whole: mcprec sessions show 01a202b2c500 --exchange ID',
    out: [
      'session     ses_01a202b2c500…',
      'who         ana@example.com (ana) at https://login.example.com, groups sre',
      'connection  datadog (mcp), through https://mcprec.example.com',
      'reason      INC-4711: checkout is slow',
      'opened      2026-11-22 10:00:00 UTC, closed after 41.89 s',
      'recording   full: every request and answer, masked',
      'counts      6 calls, 1 denied, 2 values masked',
      'log         log_01a202b2c500…, 16 entries',
      'synced      the gateway has 0 of 16 entries',
      'receipts    self-attested so far: the gateway has receipted none of it',
      'root        <hash>, verified',
      '',
      'TIME (UTC)    TOOL OR METHOD        OUTCOME    TOOK  MASKED  EXCHANGE          REMARK',
      '10:00:00.040  initialize            ok        65 ms       0  exc_01a202b2c500',
      '10:00:01.005  search_datadog_logs   ok       238 ms       2  exc_01a202b2c8ed',
      '10:00:01.743  get_datadog_metric    ok       1.45 s       0  exc_01a202b2cbcf',
      '10:00:03.693  delete_monitor        denied                0  exc_01a202b2d36d  rule no-delete',
      '10:00:05.693  analyze_datadog_logs  failed   1.20 s       0  exc_01a202b2db3d',
      '10:00:36.893  search_datadog_spans  aborted  5.00 s       0  exc_01a202b3551d  client went away',
    ],
  });
  const { out } = await run(home, 'show', work.sessionId, '--json');
  expect(out).toHaveLength(1);
  expect(JSON.parse(out[0] ?? '')).toMatchObject({
    session: { connection: 'datadog', identity: { email: 'ana@example.com' }, reason: 'INC-4711: checkout is slow' },
    log: { entries: 16, root: '<hash>', verified: true, findings: [] },
    exchanges: [
      { method: 'initialize', outcome: 'ok', durationMs: 65, entries: [1, 2] },
      {},
      {},
      { tool: 'delete_monitor', outcome: 'denied', rule: 'no-delete', entries: [7] },
      { outcome: 'failed' },
      { outcome: 'aborted' },
    ],
  });
});

test('show an exchange', async () => {
  const { home, work } = await recorded();
  const { code, out } = await run(home, 'show', work.sessionId, '--exchange', '01a202b2c8ed');
  expect(code).toBe(0);
  expect(out).toEqual([
    'session   ses_01a202b2c500…',
    'exchange  exc_01a202b2c8ed…',
    'method    tools/call',
    'tool      search_datadog_logs',
    'outcome   ok: answered',
    'began     10:00:01.005 UTC, took 238 ms',
    'size      429 B on the wire, 1 entry after the request',
    'masked    2 values',
    '',
    '→ request  10:00:01.005 · 157 B · entry 3',
    '  {',
    '    "jsonrpc": "2.0",',
    '    "id": 1,',
    '    "method": "tools/call",',
    '    "params": {',
    '      "name": "search_datadog_logs",',
    '      "arguments": { "query": "service:checkout status:error", "from": "now-15m" }',
    '    }',
    '  }',
    '',
    '← response  +238 ms · HTTP 200 · 272 B · 2 masked · entry 4',
    '  {',
    '    "jsonrpc": "2.0",',
    '    "id": 1,',
    '    "result": {',
    '      "content": [',
    '        {',
    '          "type": "text",',
    '          "text": JSON in a string:',
    '            {',
    '              "logs": [',
    '                {',
    '                  "service": "checkout",',
    '                  "status": "error",',
    '                  "message": "card [card] declined for [email]",',
    '                  "attributes": { "trace_id": "9007199254740993" }',
    '                }',
    '              ],',
    '              "total": 1',
    '            }',
    '        }',
    '      ]',
    '    }',
    '  }',
  ]);
  expect(await run(home, 'show', work.sessionId, '--exchange', '01a2')).toMatchObject({
    code: 2,
    err: 'mcprec: more than one exchange begins with 01a2; give more characters of the id',
  });
  expect(await run(home, 'show', work.sessionId, '--exchange', 'exc_ff')).toMatchObject({
    code: 2,
    err: 'mcprec: the session has no exchange exc_ff; leave out --exchange to see them all',
  });
});

test('--json gives a payload as it was recorded: digits, repeated keys and all of it', async () => {
  const { home, journal } = newJournal();
  const session = await Recorder.open(journal);
  const id = session.newExchange();
  const long = 'z'.repeat(200_000);
  await session.say(
    id,
    { body: `{"n": 12345678901234567890,\n "n": 1.0, "long": "${long}"}` },
    { direction: 'down', message: 'http', final: true, body: 'plain\ntext' },
  );
  await session.close();
  const { out } = await run(home, 'show', session.sessionId, '--exchange', id, '--json');
  expect(out).toHaveLength(1);
  expect(out[0]).toContain(`"payload":{"n": 12345678901234567890,  "n": 1.0, "long": "${long}"}`);
  expect(JSON.parse(out[0] ?? '')).toMatchObject({
    sessionId: session.sessionId.replace(/(ses_.{12}).*/, '$1…'),
    entries: [
      { index: 1, direction: 'up' },
      { index: 2, text: 'plain\ntext' },
    ],
  });
  const text = await run(home, 'show', session.sessionId, '--exchange', id);
  expect(text.out.join('\n')).toContain('… cut here: the payload has 200,0');
  expect(text.out.join('\n').length).toBeLessThan(80_000);
});

test('nothing hostile leaves it unescaped', async () => {
  const { home, journal } = newJournal();
  const evil = await Recorder.open(journal, {
    connection: 'e\u001b[2J',
    reason: 'r\u202e',
    gateway: 'https://g\u0007',
    identity: { issuer: 'i\u009b', subject: 's\u001b]0;x\u0007' },
  });
  const id = await evil.call('rm\u001b[31m', { x: '\u009b2J\u202e' }, { content: [{ type: 'text', text: 'a\n\u001b[2Jb\u0085' }], '\u001b[2J': 1 });
  const raw = evil.newExchange();
  await evil.say(raw, {
    body: 'no JSON \u001b[2J \u202e',
    deniedBy: 'rule\u001b',
    final: true,
    names: { method: 'POST', uri: '/\u0007', headers: { accept: 'a\u001b' }, metrics: { 'm\u001b': 1 } },
  });
  await evil.close();
  const commands = [
    ['list'],
    ['show', evil.sessionId],
    ['show', evil.sessionId, '--exchange', id],
    ['show', evil.sessionId, '--exchange', raw],
    ['list', '--json'],
    ['show', evil.sessionId, '--json'],
    ['show', evil.sessionId, '--exchange', id, '--json'],
    ['show', evil.sessionId, '--exchange', raw, '--json'],
    ['replay', evil.sessionId, '--speed', 'max'],
  ];
  for (const args of commands) {
    const { code, out, err } = await run(home, ...args);
    expect([args, code]).toEqual([args, 0]);
    expect(`${out.join('\n')}\n${err}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  }
  const { out } = await run(home, 'show', evil.sessionId, '--exchange', id, '--json');
  expect(JSON.parse(out[0] ?? '')).toMatchObject({ tool: 'rm\u001b[31m', entries: [{ payload: { params: { arguments: { x: '\u009b2J\u202e' } } } }, {}] });
});

test('replay', async () => {
  const { home, work } = await recorded();
  const { code, out } = await run(home, 'replay', work.sessionId, '--speed', 'max');
  expect(code).toBe(0);
  expect(out.filter((line) => /^\d\d:/.test(line))).toEqual([
    '00:00.000  the session was opened',
    '00:00.040  → initialize   142 B',
    '00:00.105  ← initialize   response · 116 B',
    '00:01.005  → search_datadog_logs   157 B',
    '00:01.243  ← search_datadog_logs   response · 272 B · 2 masked',
    '00:01.743  → get_datadog_metric   140 B',
    '00:03.193  ← get_datadog_metric   response · 181 B',
    '00:03.693  → delete_monitor   denied by no-delete · 114 B',
    '00:05.693  → analyze_datadog_logs   152 B',
    '00:06.093  ← analyze_datadog_logs   notifications/progress · 103 B',
    '00:06.493  ← analyze_datadog_logs   notifications/progress · 103 B',
    '00:06.893  ← analyze_datadog_logs   notifications/progress · 103 B',
    '00:06.893  ← analyze_datadog_logs   response · failed · 107 B',
    '00:36.893  → search_datadog_spans   128 B',
    '00:41.893  ← search_datadog_spans   failed · client went away',
    '00:41.893  the session was closed',
  ]);
  expect(out).toContain('        "arguments": { "monitor_id": 81223 }'.slice(2));
});

test('Ink is loaded for the browser only', async () => {
  const { home } = await recorded();
  await using mcprec = startMcprec(['sessions', 'list'], home, { env: { NODE_DEBUG: 'esm' } });
  await mcprec.end();
  expect(mcprec.stderr).toMatch(/sessions-/);
  expect(mcprec.stderr).not.toMatch(/browse-/);
});

test('who sent a metric, a check or an event', async () => {
  const { home, journal } = newJournal();
  const identity = { issuer: 'https://login.example.com', subject: 'ana', email: 'ana@example.com', groups: ['sre'] };
  const intake = await Recorder.open(journal, { identity, connection: 'datadog-intake', kind: 'datadog-intake' });
  const batch = (metrics: Record<string, number>) => ({ message: 'http' as const, names: { method: 'POST /api/v2/series', metrics, checks: { 'app.ok': 1 } } });
  await intake.say(intake.newExchange(), batch({ 'checkout.errors': 3 }));
  intake.clock.pass(2_000);
  await intake.say(intake.newExchange(), { ...batch({ 'checkout.errors': 1, 'checkout.latency': 9 }), deniedBy: 'no-errors' });
  await intake.close();

  const { code, out, err } = await run(home, 'sent', 'checkout.errors');
  expect({ code, out: out.map((line) => line.replace(/exc_[0-9a-f]+/, 'exc')) }).toEqual({
    code: 0,
    out: [
      expect.stringMatching(/^TIME \(UTC\) +WHO +CONNECTION +COUNT +OUTCOME +SESSION +EXCHANGE$/),
      expect.stringMatching(/^2026-11-22 10:00:02 +ana@example.com +datadog-intake +1 +denied +ses_[0-9a-f]+ +exc$/),
      expect.stringMatching(/^2026-11-22 10:00:00 +ana@example.com +datadog-intake +3 +sent +ses_[0-9a-f]+ +exc$/),
    ],
  });
  expect(err).toContain('mcprec sessions show');
  const { out: json } = await run(home, 'sent', 'app.ok', '--kind', 'check', '--limit', '1', '--json');
  expect(JSON.parse(json.join(''))).toMatchObject({ kind: 'check', more: true, sent: [{ count: 1, denied: true, identity: { email: 'ana@example.com' } }] });
  expect(await run(home, 'sent', 'checkout.none')).toEqual({
    code: 0,
    out: [],
    err: 'mcprec: nobody sent or asked for a metric of that name in what is recorded on this laptop',
  });
  expect(await run(home, 'sent', 'x', '--kind', 'log')).toMatchObject({ code: 2, err: expect.stringContaining('none of: metric, check, event') });
});

test('find', async () => {
  const { home } = await recorded();
  const { code, out, err } = await run(home, 'find', 'SERVICE:check*', 'error', '--limit', '1');
  expect([code, out]).toEqual([
    0,
    [
      expect.stringMatching(/^TIME \(UTC\) +WHO +CONNECTION +IN +TEXT +SESSION +EXCHANGE$/),
      expect.stringMatching(/^2026-11-22 10:00:01 +ana@example.com +datadog +request +.*"query":"service:checkout.* ses_01a202b2c500 +exc_01a202b2c8ed$/),
    ],
  ]);
  expect(err).toMatch(/^mcprec: one of them whole: mcprec sessions show ses_01a202b2c500[0-9a-f]{20} --exchange ID$/);
  expect(await run(home, 'find', 'nowhere')).toEqual({ code: 0, out: [], err: 'mcprec: nothing that is recorded on this laptop has all of these words' });
  expect(await run(home, 'find', '--', '--')).toMatchObject({ code: 2 });
});
