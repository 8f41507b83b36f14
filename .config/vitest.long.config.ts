// What is too long for `npm test`: more kills and more random cases than there, a fresh clone, the package on other versions of Node.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import './data-home.ts';
import { LONG_ONLY } from './long-only.ts';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/long/**/*.test.ts', ...LONG_ONLY, 'test/e2e/crash.test.ts', 'test/simulation/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
    env: { MCPREC_TEST_TIMES: '7' },
    globalSetup: ['test/setup/global.ts'],
    setupFiles: ['test/setup/random.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
    // Waits end when what is awaited comes; the bound is for a machine that is busy.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    pool: 'forks',
    maxWorkers: 1,
  },
});
