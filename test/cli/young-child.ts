// Makes values that live for a while until the young generation has grown as far as it will, and prints how far. Run as: young-child.ts bound|free
import { setImmediate as turn } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { boundYoungGeneration } from '../../src/cli/young-generation.ts';

if (process.argv[2] === 'bound') boundYoungGeneration();
const living: object[] = [];
let largest = 0;
for (let i = 0; i < 300; i++) {
  for (let n = 0; n < 20_000; n++) living[(i * 20_000 + n) % 200_000] = { i, n, text: `value ${n}` };
  await turn();
  largest = Math.max(largest, getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0);
}
console.log(largest);
