import { expect, test } from 'vitest';
import { clockText, countText, durationText, offsetText, shortIds, sizeText, timeText } from '../../src/tui/words.ts';
import { MORNING } from './recorder.ts';

test('times are in UTC', () => {
  expect(timeText(MORNING)).toBe('2026-11-22 10:00:00');
  expect(clockText(MORNING + 61_007)).toBe('10:01:01.007');
});

test.each([
  [0, '0.0 ms'],
  [9.94, '9.9 ms'],
  [999.9, '999 ms'],
  [1_000, '1.00 s'],
  [59_999, '59.99 s'],
  [60_000, '1m 00s'],
  [3_599_999, '59m 59s'],
  [3_600_000, '1h 00m'],
  [93_600_000, '1d 02h'],
])('%d ms lasted %s', (ms, text) => expect(durationText(ms)).toBe(text));

test('a place on the clock of a replay', () => {
  expect(offsetText(0)).toBe('00:00.000');
  expect(offsetText(61_234.9)).toBe('01:01.234');
  expect(offsetText(3_723_004)).toBe('1:02:03.004');
});

test('sizes and counts', () => {
  expect([0, 1_023, 1_024, 1_048_576 * 2.5].map(sizeText)).toEqual(['0 B', '1023 B', '1.0 KiB', '2.5 MiB']);
  expect([countText(1, 'call'), countText(1_200, 'call'), countText(2, 'entry', 'entries')]).toEqual(['1 call', '1,200 calls', '2 entries']);
});

test('short ids are long enough to tell them apart, and keep their order', () => {
  const ids = ['ses_0123456789ab7fff', 'ses_0123456789ab70aa', 'ses_ffff', 'ses_0123456789ab70ab'];
  expect(shortIds(ids)).toEqual(['ses_0123456789ab7f', 'ses_0123456789ab70aa', 'ses_ffff', 'ses_0123456789ab70ab']);
});
