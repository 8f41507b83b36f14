import { randomFillSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { decodePayload, encodePayload } from '../../src/journal/coding.ts';

test('long text is compressed, short text and noise stay as they are', () => {
  const text = Buffer.from('the same words again; '.repeat(1000));
  const noise = randomFillSync(Buffer.alloc(10_000));
  const short = text.subarray(0, limits.zstdBytesMin - 1);
  expect(encodePayload(text).coding).toBe('zstd');
  expect(encodePayload(text).bytes.length).toBeLessThan(text.length / 10);
  expect(encodePayload(noise)).toEqual({ coding: 'identity', bytes: noise });
  expect(encodePayload(short)).toEqual({ coding: 'identity', bytes: short });
  for (const bytes of [text, noise, short]) expect(bytes.equals(decodePayload(encodePayload(bytes), bytes.length) ?? Buffer.of())).toBe(true);
});

test('a payload that would grow beyond its length, or is damaged, is not decompressed', () => {
  const bomb = encodePayload(Buffer.alloc(50 * 1024 * 1024));
  expect(bomb.bytes.length).toBeLessThan(10_000);
  expect(decodePayload(bomb, 1000)).toBeUndefined();
  const damaged = Buffer.from(bomb.bytes);
  damaged[0] = (damaged[0] ?? 0) ^ 1;
  expect(decodePayload({ coding: 'zstd', bytes: damaged }, 50 * 1024 * 1024)).toBeUndefined();
});
