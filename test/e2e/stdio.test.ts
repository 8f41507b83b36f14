// Stdio as it is on the wire: bytes, bad input, faults, signals and exit codes, between real processes.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { textOf } from '../support/forwarder.ts';
import { startMcprec, type TestProcess } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { journalEntries, newestSession } from './records.ts';

let home: TempDir;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  home = tempDir();
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  home[Symbol.dispose]();
});

/** A server that keeps what it was sent and answers as `answer` says, a function from a line to lines. */
function serverOf(answer: string): readonly string[] {
  const file = join(home.path, 'server.mjs');
  writeFileSync(
    file,
    `import { appendFileSync } from 'node:fs';
const answer = ${answer};
let rest = '';
process.stdin.setEncoding('utf8').on('data', (text) => {
  const lines = (rest + text).split('\\n');
  rest = lines.pop();
  for (const line of lines) {
    appendFileSync(${JSON.stringify(join(home.path, 'seen'))}, line + '\\n');
    for (const said of answer(line)) process.stdout.write(said);
  }
});
process.on('SIGUSR2', () => process.stderr.write('signalled\\n'));
`,
  );
  return [process.execPath, file];
}

function start(command: readonly string[], ...flags: string[]): TestProcess {
  const mcprec = startMcprec(['connect', '--stdio', ...flags, '--', ...command], home.path);
  closers.push(() => mcprec[Symbol.asyncDispose]());
  return mcprec;
}

function send(mcprec: TestProcess, ...lines: (string | Buffer)[]): void {
  for (const line of lines) mcprec.child.stdin?.write(line);
}

async function finish(mcprec: TestProcess): Promise<number | null> {
  mcprec.child.stdin?.end();
  return (await mcprec.end()).code;
}

const echo = `(line) => { const { id } = JSON.parse(line); return id === undefined ? [] : ['{ "jsonrpc":"2.0" ,\\t"result":{"big":12345678901234567890,"twice":1,"twice":2,"e":"\\\\u00e9\\\\/"},"id":' + JSON.stringify(id) + ' }\\r\\n']; }`;
const answerTo = (id: string) => `{ "jsonrpc":"2.0" ,\t"result":{"big":12345678901234567890,"twice":1,"twice":2,"e":"\\u00e9\\/"},"id":${id} }\r\n`;
const call = (id: number, text = 'x') => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{"text":"${text}"}}}\n`;

test('lines pass byte for byte, both ways', async () => {
  const mcprec = start(serverOf(echo));
  const chunks: Buffer[] = [];
  mcprec.child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const strange = '{\t"method" : "tools/call","id" : "a\\u0062" , "params":{"arguments":{"n":1.0e3,"s":"\\ud83d\\ude00 é"}, "name":"t"},"jsonrpc":"2.0"} \r\n';
  send(mcprec, strange);
  await mcprec.line((line) => line.includes('"id":"ab"'));
  expect(await finish(mcprec)).toBe(0);
  expect(Buffer.concat(chunks).toString('utf8')).toBe(answerTo('"ab"'));
  expect(seenByServer()).toBe(strange);
});

test('what cannot be read gets the protocol’s own error and an entry, and never reaches the server', async () => {
  const mcprec = start(serverOf(echo));
  const errors = async (id: string, code: number) => {
    const line = await mcprec.line((text) => text.includes('"error"') && text.includes(`"id":${id},`) && text.includes(`"code":${code}`));
    expect(JSON.parse(line)).toMatchObject({ error: { code } });
  };
  send(mcprec, '{"jsonrpc":"2.0","id":1,\n');
  await errors('null', -32700);
  send(mcprec, Buffer.from([0x7b, 0xff, 0x7d, 0x0a]));
  send(mcprec, '[{"jsonrpc":"2.0","id":2,"method":"ping"}]\n'.replace('[', '[{"jsonrpc":"2.0","id":7,"method":"initialize","id":8},'));
  await errors('7', -32600);
  send(mcprec, '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a","Name":"b"}}\n');
  await errors('3', -32600);
  send(mcprec, `{"jsonrpc":"2.0","id":4,"method":"ping","params":{"pad":"${'x'.repeat(17 * 1024 * 1024)}"}}\n`);
  await mcprec.line((text) => text.includes('is longer than 16777216 bytes'));
  send(mcprec, call(5));
  await mcprec.line((text) => text.includes('"id":5'));
  expect(await finish(mcprec)).toBe(0);
  expect(seenByServer()).toBe(call(5));
  const refused = recorded().filter(({ leaf }) => leaf.decision?.effect === 'deny');
  expect(refused.map(({ leaf }) => leaf.decision?.rule)).toEqual(['protocol', 'protocol', 'protocol', 'protocol', 'protocol']);
});

test('an id that is in flight is refused', async () => {
  const mcprec = start(
    serverOf(
      `(() => { const held = []; return (line) => { held.push(line); return held.length < 2 ? [] : held.map((l) => '{"jsonrpc":"2.0","id":' + JSON.parse(l).id + ',"result":{}}\\n'); }; })()`,
    ),
  );
  send(mcprec, call(1, 'first'), call(1, 'again'));
  await mcprec.line((text) => text.includes('-32600') && text.includes('"id":1'));
  send(mcprec, call(2));
  await mcprec.line((text) => text.includes('"id":1,"result"'));
  expect(await finish(mcprec)).toBe(0);
  expect(seenByServer()).toBe(call(1, 'first') + call(2));
});

test('what the server waits for passes by what waits for the server', async () => {
  // It answers nothing before the last of the calls has reached it, and each only once its own question is answered.
  const asking = `(() => { const asked = new Map(); return (line) => {
    const { id, method } = JSON.parse(line);
    if (method === undefined) return [JSON.stringify({ jsonrpc: '2.0', id: asked.get(id), result: {} }) + '\\n'];
    asked.set('q' + id, id);
    return [JSON.stringify({ jsonrpc: '2.0', id: 'q' + id, method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } }) + '\\n'];
  }; })()`;
  const mcprec = start(serverOf(asking));
  const count = limits.clientInFlightMax + 20;
  send(mcprec, ...Array.from({ length: count }, (_, i) => call(i)));
  for (let i = 0; i < count; i++) {
    await mcprec.line((line) => line.includes(`"q${i}"`));
    send(mcprec, `{"jsonrpc":"2.0","id":"q${i}","result":{}}\n`);
  }
  for (let i = 0; i < count; i++) await mcprec.line((line) => line.includes(`"id":${i},"result"`));
  expect(await finish(mcprec)).toBe(0);
});

test('a call that was cancelled is not answered any more; one that is cut off by the client’s end is', async () => {
  const mcprec = start(serverOf('() => []'));
  send(mcprec, call(1), '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n', call(2));
  expect(await finish(mcprec)).toBe(0);
  expect(mcprec.stdout.map((line) => JSON.parse(line).id)).toEqual([2]);
  expect(mcprec.stdout[0]).toContain('may have been executed');
});

test.each(['end', 'SIGTERM'] as const)('a client that goes (%s) while its first call hangs ends the session', async (how) => {
  const mcprec = start(serverOf('() => []'));
  send(mcprec, '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}\n');
  const seen = join(home.path, 'seen');
  await vi.waitUntil(() => existsSync(seen), { timeout: 20_000 });
  if (how === 'end') mcprec.child.stdin?.end();
  else mcprec.child.kill(how);
  expect((await mcprec.end()).code).toBe(how === 'end' ? 0 : 128 + 15);
  expect(mcprec.stdout.map((line) => JSON.parse(line).error.code)).toEqual(how === 'end' ? [5020] : []);
});

test('a server that dies: the call gets an error, the next one a new process', async () => {
  const mcprec = start(
    serverOf(
      `(line) => { if (line.includes('die')) process.exit(7); return ['{"jsonrpc":"2.0","id":' + JSON.parse(line).id + ',"result":{"pid":' + process.pid + '}}\\n']; }`,
    ),
  );
  send(mcprec, call(1), call(2, 'die'));
  expect(await mcprec.line((text) => text.includes('5020'))).toMatch(/"id":2.*exit code 7.*it may have been executed/);
  send(mcprec, call(3));
  const pids = [1, 3].map((id) => mcprec.line((text) => text.includes(`"id":${id},"result"`)));
  const [first, second] = (await Promise.all(pids)).map((line) => (JSON.parse(line) as { result: { pid: number } }).result.pid);
  expect(first).not.toBe(second);
  expect(await finish(mcprec)).toBe(0);
  const ends = recorded().flatMap(({ names }) => (names?.method === 'process/ended' ? [names.note] : []));
  expect(ends).toEqual(['the server ended with exit code 7', 'the server ended with exit code 0']);
});

test('exit code and signals are those of the server', async () => {
  const left = start(serverOf(`() => process.exit(3)`));
  send(left, call(1));
  await left.line((text) => text.includes('5020'));
  expect(await finish(left)).toBe(3);
  const signalled = start(serverOf(echo));
  send(signalled, call(1));
  await signalled.line((text) => text.includes('"id":1'));
  signalled.child.kill('SIGUSR2');
  await signalled.says('signalled');
  expect(await signalled.stop('SIGTERM')).toEqual({ code: 143, signal: null });
  expect(recorded().map(textOf)).toContain('signalled\n');
  const missing = start(['/nonexistent/server']);
  send(missing, call(1));
  expect(await missing.line((text) => text.includes('5020'))).toMatch(/no program \/nonexistent\/server.*it was not executed/);
  expect(await finish(missing)).toBe(6);
});

function recorded() {
  const journal = join(home.path, 'journal.db');
  return journalEntries(journal, newestSession(journal));
}

function seenByServer(): string {
  return readFileSync(join(home.path, 'seen'), 'utf8');
}

test('where no session can be opened, the client is told in its own language, and stdout has nothing else', async () => {
  const refused = async (code: number, exit: number, words: string, ...flags: string[]) => {
    await using mcprec = startMcprec(['connect', '--stdio', ...flags], home.path);
    send(mcprec, '{"jsonrpc":"2.0","id":"a","method":"initialize","params":{}}\n');
    expect(await mcprec.end()).toMatchObject({ code: exit });
    expect(mcprec.stdout).toHaveLength(1);
    expect(JSON.parse(mcprec.stdout[0] ?? '')).toEqual({ jsonrpc: '2.0', id: 'a', error: { code, message: expect.stringContaining(words) } });
    expect(mcprec.stderr).toContain(words);
  };
  await refused(4030, 4, 'not logged in', 'datadog');
  await refused(5020, 3, 'cannot read', '--policy', join(home.path, 'none.yaml'), '--url', 'http://127.0.0.1:9/mcp');
  await refused(5020, 2, '--port', '--port', '1', '--url', 'http://127.0.0.1:9/mcp');
});

test('where no session can be opened and nothing is asked, it ends all the same', async () => {
  await using mcprec = startMcprec(['connect', '--stdio', 'datadog'], home.path);
  expect(await mcprec.end()).toMatchObject({ code: 4 });
  expect(mcprec.stdout).toEqual([]);
});
