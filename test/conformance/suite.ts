// Runs the conformance suite's own command and reads what it wrote down about every check.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { tempDir } from '../support/temp.ts';

const packed = dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'));
/** Clients wait for their turn within it. */
const CLIENT_MS_MAX = 600_000;

export const revisions = ['2025-11-25', '2026-07-28'] as const;
export type Revision = (typeof revisions)[number];
export type Side = 'server' | 'client';

const statuses = z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO']);
const checksSchema = z.array(z.object({ id: z.string(), name: z.string(), status: statuses, errorMessage: z.string().optional() }));
export type Check = z.infer<typeof checksSchema>[number];

/** What the suite found, by scenario, in the order in which it wrote it down. */
export type Findings = ReadonlyMap<string, readonly Check[]>;

/** What is to be run. Without `scenarios` all that the revision's requirements name, those that are not scored among them. */
export interface Task {
  readonly side: Side;
  readonly revision: Revision;
  readonly scenarios?: readonly string[];
  /** How long the suite gives a scenario; its own 30 s where it is left out. On the client side it includes the wait for a turn. */
  readonly scenarioMsMax?: number;
}

/** The scenarios that the requirements of a revision score. */
export function scoredScenarios({ side, revision }: Task): readonly string[] {
  const file = z.object({ server: z.array(z.string()), client: z.array(z.string()) });
  return file.parse(parse(readFileSync(join(packed, 'requirements', `${revision}.yaml`), 'utf8')))[side];
}

/** Runs a task against `subject`: a server's URL, or a client's command. */
export async function runSuite(task: Task, subject: string, env: Readonly<Record<string, string>> = {}): Promise<Findings> {
  using results = tempDir();
  const { side, revision, scenarios, scenarioMsMax = side === 'client' ? CLIENT_MS_MAX : undefined } = task;
  const timeout = scenarioMsMax === undefined ? [] : ['--timeout', String(scenarioMsMax)];
  const base = [side, side === 'server' ? '--url' : '--command', subject, ...timeout, '-o', results.path];
  if (scenarios === undefined) await run([...base, '--requirements', revision], env);
  else for (const scenario of scenarios) await run([...base, '--scenario', scenario, '--spec-version', revision, '--force'], env);
  return readFindings(results.path);
}

// Its exit code says whether all passed, which is read from what it wrote; a suite that could not run wrote nothing.
async function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const suite = spawn(process.execPath, [join(packed, 'dist/index.js'), ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  suite.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const code = await new Promise<number | null>((resolve, reject) => suite.once('error', reject).once('close', resolve));
  if (code !== 0 && code !== 1) throw new Error(`the conformance suite ended with ${code}: ${said.join('')}`);
}

function readFindings(directory: string): Findings {
  const findings = new Map<string, readonly Check[]>();
  for (const entry of readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const [, scenario] = /^(?:server-)?(.+?)-\d{4}-\d\d-\d\dT[^/]*\/checks\.json$/.exec(entry) ?? [];
    if (scenario !== undefined) findings.set(scenario, checksSchema.parse(JSON.parse(readFileSync(join(directory, entry), 'utf8'))));
  }
  if (findings.size === 0) throw new Error('the conformance suite wrote down nothing');
  return findings;
}
