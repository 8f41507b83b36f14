import { defineConfig } from 'vitest/config';
import './data-home.ts';
import { LONG_ONLY } from './long-only.ts';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    exclude: ['test/long/**', ...LONG_ONLY],
    globalSetup: ['test/setup/global.ts'],
    setupFiles: ['test/setup/random.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Waits end when what is awaited comes; the bound is for a machine that is busy.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    pool: 'forks',
    maxWorkers: 2,
  },
});
