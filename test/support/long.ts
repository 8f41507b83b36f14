// How much of what can be repeated is repeated: little in `npm test`, much in `npm run test:long`, which sets MCPREC_TEST_TIMES.

const times = Number(process.env.MCPREC_TEST_TIMES ?? 1);

/** `count` in `npm test`, several times as much in the long tests. */
export function longer(count: number): number {
  return count * times;
}

/** `short` in `npm test`, `long` in the long tests. */
export function orLong(short: number, long: number): number {
  return times > 1 ? long : short;
}
