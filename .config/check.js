// `npm run check`: everything about the source that is not a test. Runs every check, then fails if one did.
import { spawnSync } from 'node:child_process';

const checks = [
  ['types', 'node_modules/typescript/bin/tsc', '-p', '.'],
  ['lint and format', 'node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  ['unused code', 'node_modules/knip/bin/knip.js', '--config', '.config/knip.json', '--no-progress'],
  ['build', 'node_modules/tsdown/dist/run.mjs', '-c', '.config/tsdown.config.ts', '--log-level', 'warn'],
  ['package', 'node_modules/publint/src/cli.js', '--strict', '.'],
];

let failed = 0;
for (const [name, file, ...args] of checks) {
  const { status } = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit', env: { ...process.env, npm_config_user_agent: 'npm' } });
  if (status !== 0) failed++;
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}`);
}
process.exitCode = failed === 0 ? 0 : 1;
