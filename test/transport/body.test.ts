// Bodies with a content coding: all of it is read, or it is refused, so that nobody behind us reads more than we did.
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { decodeContent } from '../../src/transport/body.ts';

const bytesMax = 1_000;

describe('parts that follow each other', () => {
  test.each([
    ['zstd', zstdCompressSync],
    ['gzip', gzipSync],
  ] as const)('%s', async (coding, compress) => {
    const parts = ['{"series":', '[]', '}'].map((part) => compress(part));
    const decoded = await decodeContent(Buffer.concat(parts), coding, bytesMax);
    expect(decoded.kind === 'decoded' && decoded.bytes.toString()).toBe('{"series":[]}');
  });

  test('are measured together', async () => {
    const frame = zstdCompressSync('x'.repeat(600));
    expect(await decodeContent(Buffer.concat([frame, frame]), 'zstd', bytesMax)).toEqual({ kind: 'too_long' });
    const frames = Buffer.concat(Array.from({ length: limits.zstdFramesMax + 1 }, () => zstdCompressSync('')));
    expect(await decodeContent(frames, 'zstd', bytesMax)).toMatchObject({ kind: 'malformed', reason: expect.stringContaining('frames') });
  });
});

test.each([
  ['zstd', zstdCompressSync],
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
] as const)('what stands behind the end of %s is not left unread', async (coding, compress) => {
  expect(await decodeContent(Buffer.concat([compress('{}'), Buffer.from('{"more":1}')]), coding, bytesMax)).toMatchObject({ kind: 'malformed' });
});
