// Builds the bundle once, so that tests which start real processes run what users run.
import { execFileSync } from 'node:child_process';

export default function setup(): void {
  // For a quick run of tests that start no process of ours.
  if (process.env.SKIP_BUILD) return;
  execFileSync(process.execPath, ['.config/build.js'], { stdio: 'inherit' });
}
