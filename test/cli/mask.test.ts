import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Io } from '../../src/cli/io.ts';
import { type MaskOptions, runMask } from '../../src/cli/mask.ts';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(input: readonly (string | Uint8Array)[], options: MaskOptions = {}): Promise<Ran> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const io: Io = {
    stdin: Readable.from(input.map((piece) => Buffer.from(piece))) as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    env: {},
    clock: systemClock,
    random: systemRandom,
    home: '/nonexistent',
    signal: new AbortController().signal,
    onHangup: () => () => undefined,
  };
  const out = readAll(stdout);
  const code = await runMask(options, io);
  stdout.end();
  stderr.end();
  return { code, out: await out, err: await readAll(stderr) };
}

const one = async (input: string): Promise<string> => (await run([input])).out;

describe('what comes in', () => {
  test('is text', async () => {
    expect(await one('hello bob@example.com\r\nbye\n')).toBe('hello [email]\r\nbye\n');
    expect(await one('')).toBe('');
    expect(await one('no end 203.0.113.7')).toBe('no end [ip]');
  });

  test('is one JSON document over lines', async () => {
    const document = JSON.stringify({ user: 'bob@example.com', pan: 4111111111111111, list: ['x'] }, undefined, 2);
    expect(await one(document)).toBe(JSON.stringify({ user: '[email]', pan: '[card]', list: ['x'] }, undefined, 2));
  });

  test('is JSON lines, with other lines between', async () => {
    const lines = ['{"pan":4111111111111111}', 'plain bob@example.com', '["bob@example.com"]', '{"broken": "bob@example.com"', ''];
    expect(await one(lines.join('\n'))).toBe('{"pan":"[card]"}\nplain [email]\n["[email]"]\n{"broken": "[email]"\n');
  });

  test('is MCP: what the protocol needs stays', async () => {
    expect(await one('{"jsonrpc":"2.0","id":"bob@example.com","method":"ping"}\n')).toBe('{"jsonrpc":"2.0","id":"bob@example.com","method":"ping"}\n');
  });

  test('looks like a document and is none', async () => {
    expect(await one('{\n not JSON, bob@example.com\n')).toBe('{\n not JSON, [email]\n');
    expect(await one('[2026-11-22] bob@example.com\n')).toBe('[2026-11-22] [email]\n');
  });
});

describe('what comes in pieces', () => {
  const text = `start\n${'x'.repeat(70_000)} bob@exämple.com\n-----BEGIN PRIVATE KEY-----\n${`${'QUJD'.repeat(16)}\n`.repeat(40)}-----END PRIVATE KEY-----\nend 203.0.113.7\n`;

  test.each([1, 7, 1000, 65_536])('is masked as if it were whole: by %i bytes', async (size) => {
    const bytes = Buffer.from(size === 1 ? text.slice(69_900) : text);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    expect((await run(pieces)).out).toBe(await one(bytes.toString('utf8')));
  });

  test('a key is not cut where a block ends', async () => {
    const before = `${'y'.repeat(99)}\n`.repeat(655);
    const out = await one(`${before}${text.slice(text.indexOf('-----BEGIN'))}`);
    expect(out).toBe(`${before}[secret:pem]\nend [ip]\n`);
  });

  test('a line without an end is not held for ever', async () => {
    const piece = 'z'.repeat(1 << 20);
    const many = Array.from({ length: limits.maskDocumentUnitsMax / piece.length + 3 }, () => `${piece} bob@example.com `);
    const { out } = await run(many);
    expect(out.split('[email]').length - 1).toBe(many.length);
    expect(out).not.toContain('bob');
  });
});

describe('--report and --policy', () => {
  test('says what was masked, on stderr', async () => {
    expect(await run(['bob@example.com 203.0.113.7 203.0.113.8'], { report: true })).toEqual({
      code: 0,
      out: '[email] [ip] [ip]',
      err: 'mcprec: masked 3: email 1, ip 2\n',
    });
    expect((await run(['nothing here'], { report: true })).err).toBe('mcprec: nothing was masked\n');
  });

  test('takes detectors and fields from a policy', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mcprec-mask-'));
    try {
      const file = join(folder, 'gateway.yaml');
      writeFileSync(
        file,
        `data: sqlite:g.db
keys: file:/run/keys
identity: { issuer: "https://login.example.com", audience: mcprec }
connections: { x: { kind: mcp, upstream: "https://mcp.example.com/" } }
access: [{ groups: [a], connections: [x] }]
mask: { detectors: [ip], fields: [{ path: "$..note" }] }
`,
      );
      expect(await run(['{"note":"n","a":"bob@example.com 203.0.113.7"}'], { policy: file, report: true })).toEqual({
        code: 0,
        out: '{"note":"[field]","a":"bob@example.com [ip]"}',
        err: 'mcprec: masked 2: ip 1, fields 1\n',
      });
      await expect(run(['x'], { policy: join(folder, 'none.yaml') })).rejects.toMatchObject({ code: 'config_unreadable' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
