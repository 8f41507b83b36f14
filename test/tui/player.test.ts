import { expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import type { TimelineEntry } from '../../src/replay/timeline.ts';
import { Player } from '../../src/tui/player.ts';

function entryAt(ms: number, index: number): TimelineEntry {
  return { index, leaf: { kind: 'message', wallMs: ms, monoUs: ms * 1000, final: false, failed: false, maskedCount: 0, wireBytes: 0 } };
}

const entries = [0, 100, 300, 60_300].map(entryAt);

/** When each entry is shown, in milliseconds from 0, where `advance` is called just when it says. */
function timesOf(player: Player, count = entries.length): number[] {
  const times: number[] = [];
  let nowMs = 0;
  for (let due: number | undefined = 0; due !== undefined; nowMs += due ?? 0) {
    const before = player.shown;
    due = player.advance(nowMs);
    for (let n = before; n < player.shown; n++) times.push(nowMs);
    if (times.length >= count) break;
  }
  return times;
}

test('shows entries at their pace, long pauses cut', () => {
  expect(timesOf(new Player(() => entries))).toEqual([0, 100, 300, 300 + limits.replayPauseMsMax]);
});

test('twice as fast, ten times as fast, at once', () => {
  const [twice, ten, all] = [2, 10, Number.POSITIVE_INFINITY].map((speed) => {
    const player = new Player(() => entries);
    player.setSpeed(speed);
    return timesOf(player);
  });
  expect(twice).toEqual([0, 50, 150, 3_150]);
  expect(ten).toEqual([0, 10, 30, 3_030]);
  expect(all).toEqual([0, 0, 0, 0]);
});

test('with whole pauses', () => {
  const player = new Player(() => entries);
  player.togglePauses();
  expect(timesOf(player)).toEqual([0, 100, 300, 60_300]);
});

test('late calls do not add up, but time slept through is not made up for', () => {
  const player = new Player(() => Array.from({ length: 20 }, (_, i) => entryAt(i * 10, i)));
  player.advance(0);
  expect(player.advance(55)).toBe(5);
  expect(player.shown).toBe(6);
  player.advance(3_600_055);
  expect(player.shown).toBeLessThan(20);
});

test('steps, jumps and pauses', () => {
  const player = new Player(() => entries);
  player.advance(0);
  player.toggle();
  expect(player.advance(1_000)).toBeUndefined();
  expect(player.shown).toBe(1);
  player.step(1);
  player.step(1);
  player.step(-1);
  expect(player.shown).toBe(2);
  player.jump('end');
  expect(player.shown).toBe(4);
  player.jump('start');
  expect([player.shown, player.playing]).toEqual([0, true]);
});

test('goes on where more entries come', () => {
  const growing = entries.slice(0, 2);
  const player = new Player(() => growing);
  player.setSpeed(Number.POSITIVE_INFINITY);
  expect(player.advance(0)).toBeUndefined();
  growing.push(entryAt(200, 2));
  player.advance(10);
  expect(player.shown).toBe(3);
});

test('shows no more at once than can be drawn', () => {
  const many = Array.from({ length: limits.replayEntriesAtOnce + 5 }, (_, i) => entryAt(0, i));
  const player = new Player(() => many);
  expect(player.advance(0)).toBe(0);
  expect(player.shown).toBe(limits.replayEntriesAtOnce);
});
