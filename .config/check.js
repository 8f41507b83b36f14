// `npm run check`: everything about the source that is not a test. Runs every check, then fails if one did.
import { spawnSync } from 'node:child_process';

const checks = [
  ['types', 'node_modules/typescript/bin/tsc', '-p', '.'],
  ['lint and format', 'node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  ['unused code', 'node_modules/knip/bin/knip.js', '--config', '.config/knip.json', '--no-progress', '--treat-config-hints-as-errors'],
  ['build', '.config/build.js'],
  ['package', 'node_modules/publint/src/cli.js', '--strict', '.'],
];

// publint asks by this name which package manager packs.
const env = { ...process.env, npm_config_user_agent: 'npm' };
const failed = [];
for (const [name, file, ...args] of checks) {
  const { status } = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit', env });
  if (status !== 0) failed.push(name);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}`);
}
if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
