// What is too long for `npm test`: full kill counts, more seeds, other versions of Node.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import './data-home.ts';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/long/**/*.test.ts'],
    globalSetup: ['test/setup/global.ts'],
    testTimeout: 600_000,
    hookTimeout: 120_000,
    // Waits end when what is awaited comes; the bound is for a machine that is busy.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    pool: 'forks',
    maxWorkers: 1,
  },
});
