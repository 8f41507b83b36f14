import { expect, test } from 'vitest';
import type { Hours } from '../../src/policy/config.ts';
import { describeHours, HoursClock } from '../../src/policy/hours.ts';

const week: Hours = { days: ['mon', 'tue', 'wed', 'thu', 'fri'], fromMin: 8 * 60, toMin: 18 * 60, zone: 'Europe/Berlin' };
const early: Hours = { days: ['sun'], fromMin: 2 * 60, toMin: 3 * 60, zone: 'Europe/Berlin' };
const late: Hours = { days: ['sat'], fromMin: 22 * 60, toMin: 6 * 60, zone: 'Europe/Berlin' };
const night: Hours = { days: ['fri'], fromMin: 22 * 60, toMin: 6 * 60, zone: 'UTC' };

test.each([
  [week, '2026-11-24T06:59:59Z', false],
  [week, '2026-11-24T07:00:00Z', true],
  [week, '2026-11-24T16:59:59Z', true],
  [week, '2026-11-24T17:00:00Z', false],
  [week, '2026-11-22T12:00:00Z', false],
  // Summer time: the same hours of the clock are another hour of the world.
  [week, '2026-07-01T06:00:00Z', true],
  [week, '2026-07-01T16:30:00Z', false],
  // An hour that the clocks repeat is there twice, one that they skip is not there, and a night across either ends by the clock.
  [early, '2026-10-25T00:30:00Z', true],
  [early, '2026-10-25T01:30:00Z', true],
  [early, '2026-10-25T02:00:00Z', false],
  [early, '2026-03-29T00:59:00Z', false],
  [early, '2026-03-29T01:00:00Z', false],
  [late, '2026-10-25T04:59:00Z', true],
  [late, '2026-10-25T05:00:00Z', false],
  [late, '2026-03-29T03:59:00Z', true],
  [late, '2026-03-29T04:00:00Z', false],
  [{ ...week, zone: 'Pacific/Auckland' }, '2026-11-22T20:00:00Z', true],
  [{ ...week, zone: 'America/Los_Angeles' }, '2026-11-28T01:59:00Z', true],
  [{ ...week, zone: 'Asia/Kathmandu' }, '2026-11-24T02:14:59Z', false],
  [{ ...week, zone: 'Asia/Kathmandu' }, '2026-11-24T02:15:00Z', true],
  [night, '2026-11-27T22:00:00Z', true],
  [night, '2026-11-28T05:59:00Z', true],
  [night, '2026-11-28T06:00:00Z', false],
  [night, '2026-11-28T23:00:00Z', false],
  [night, '2026-11-27T05:00:00Z', false],
])('%o at %s: %s', (hours, at, within) => {
  expect(new HoursClock(hours).includes(Date.parse(at))).toBe(within);
});

test('one clock follows the time', () => {
  const clock = new HoursClock(week);
  expect(['2026-11-24T07:00:00Z', '2026-11-24T17:00:00Z', '2026-11-25T07:00:00Z'].map((at) => clock.includes(Date.parse(at)))).toEqual([true, false, true]);
});

test('in words', () => {
  expect([describeHours(week), describeHours({ ...night, days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], fromMin: 0, toMin: 1440 })]).toEqual([
    'mon, tue, wed, thu, fri 08:00–18:00 Europe/Berlin',
    'every day 00:00–24:00 UTC',
  ]);
});
