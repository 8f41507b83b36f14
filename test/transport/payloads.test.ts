import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { detectorsDefault } from '../../src/base/detectors.ts';
import { systemRandom } from '../../src/base/random.ts';
import { commitment } from '../../src/evidence/commitment.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import { compileMasker } from '../../src/mask/compile.ts';
import type { Masker, MaskRequest } from '../../src/mask/masker.ts';
import { withPayload } from '../../src/transport/payloads.ts';
import { startNode } from '../support/process.ts';

const masker = compileMasker({ detectors: detectorsDefault, fields: [{ path: '$..password' }], patterns: [{ name: 'badge', pattern: 'badge-[0-9]{4}' }] });
const request: MaskRequest = { form: 'json', scope: 'mcp', target: 'record' };
const draft: EntryDraft = { kind: 'message', wallMs: 1, monoUs: 1, wireBytes: 0, maskedCount: 1 };

function textOf(n: number): string {
  const rows = Array.from({ length: 400 }, (_, i) => ({
    i,
    user: i % 50 === 0 ? `person${n}@example.com` : 'nobody',
    password: `secret ${i}`,
    badge: 'badge-1234',
  }));
  return JSON.stringify({ jsonrpc: '2.0', id: n, result: { structuredContent: { rows } } });
}

function utf8(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}

test('a payload masked in another thread is the one that is masked here, with its commitment and what is stored of it', async () => {
  const texts = Array.from({ length: 12 }, (_, n) => textOf(n));
  const drafts = await Promise.all(texts.map((text) => withPayload(draft, { masker, text, request }, systemRandom)));
  for (const [n, { payload, prepared, maskedCount }] of drafts.entries()) {
    const here = masker.mask(texts[n] ?? '', request);
    expect(here.count).toBeGreaterThan(400);
    expect(utf8(payload)).toBe(here.text);
    expect(maskedCount).toBe(1 + here.count);
    if (payload === undefined || prepared === undefined) throw new Error('nothing was prepared');
    expect(prepared.salt).toHaveLength(32);
    expect(prepared.commitment).toEqual(new Uint8Array(commitment('payload', prepared.salt, payload)));
    expect(prepared.coding).toBe('zstd');
    expect(utf8(zstdDecompressSync(prepared.bytes))).toBe(here.text);
  }
});

test('what no thread can do is done here', async () => {
  const unknown: Masker = { ...masker, source: { settings: { detectors: [], fields: [{ path: '$[' }] }, options: {} } };
  const { payload, prepared } = await withPayload(draft, { masker: unknown, text: textOf(1), request }, systemRandom);
  expect(prepared).toBeUndefined();
  expect(utf8(payload)).toBe(masker.mask(textOf(1), request).text);
});

test('a thread that waits for more does not hold the process', async () => {
  await using child = startNode([new URL('payload-child.ts', import.meta.url).pathname]);
  expect(await child.end()).toEqual({ code: 0, signal: null });
  expect(child.stdout).toEqual(['made by a thread']);
});
