// Bounds the part of the heap where new values live. V8 lets it grow to 128 MB under load, however little of it stays alive, and takes its bound
// only on the command line; but whether it grows is asked at each growth.
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { limits } from '../base/limits.ts';

/** From now on the young generation of this process grows to about `limits.youngBytesMax` and no further. For commands that stay. */
export function boundYoungGeneration(): void {
  let grows = true;
  const look = (): void => {
    const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    const may = (young?.space_size ?? 0) < limits.youngBytesMax;
    if (may === grows) return;
    grows = may;
    setFlagsFromString(`--semi-space-growth-factor=${may ? 2 : 1}`);
  };
  new PerformanceObserver(look).observe({ entryTypes: ['gc'] });
}
