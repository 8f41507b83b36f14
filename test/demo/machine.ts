// The laptop of the demo: a temporary home, the processes that run in it, and the end of all of them.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { startMcprec, type TestProcess } from '../support/process.ts';
import type { Stage } from './stage.ts';

const WAIT_MS = 30_000;

/** What a finished command left. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Another MCPREC_HOME. */
  readonly home?: string;
  /** Which lines of its output are shown. Default: all. */
  readonly choose?: (lines: readonly string[]) => readonly string[];
}

export class Machine {
  /** MCPREC_HOME. */
  readonly home: string;
  /** HOME: stays empty. */
  readonly userHome: string;
  /** Where `mcprec dev` keeps gateway.yaml and the gateway's store. */
  readonly gatewayDir: string;
  readonly #root: string;
  readonly #stage: Stage;
  readonly #processes: TestProcess[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#root = mkdtempSync(join(tmpdir(), 'mcprec-demo-'));
    this.home = join(this.#root, 'mcprec');
    this.userHome = join(this.#root, 'home');
    this.gatewayDir = join(this.#root, 'gateway');
    mkdirSync(this.userHome);
  }

  get journalFile(): string {
    return join(this.home, 'journal.db');
  }

  get storeFile(): string {
    return join(this.gatewayDir, 'gateway.db');
  }

  /** A path for something of the demo's own. */
  path(name: string): string {
    return join(this.#root, name);
  }

  /** Shows the command and starts it. */
  start(args: readonly string[], home = this.home): TestProcess {
    this.#stage.command(`mcprec ${args.map(quote).join(' ')}`);
    const env = {
      HOME: this.userHome,
      // So that `node` is the one that runs the demo, for `exec` too.
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
      MCPREC_PASSPHRASE: 'correct horse battery staple',
    };
    const started = startMcprec(args, home, { env, waitMs: WAIT_MS });
    this.#processes.push(started);
    return started;
  }

  /** Shows the command, runs it to its end and shows what it printed. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const child = this.start(args, options.home);
    const { code } = await child.end();
    const [stdout, stderr] = [child.stdout.join('\n'), child.stderr];
    this.#stage.output((options.choose?.(child.stdout) ?? child.stdout).join('\n'));
    this.#stage.output(stderr);
    return { code, stdout, stderr };
  }

  /** Ends what still runs, the youngest first, and removes the directory. Returns how many processes had to be killed. */
  async close(): Promise<number> {
    let killed = 0;
    for (const one of this.#processes.reverse()) {
      if (one.child.exitCode === null && one.child.signalCode === null) killed++;
      await one[Symbol.asyncDispose]();
    }
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 3 });
    return killed;
  }

  /** The same at once, for the end by a signal. */
  abandon(): void {
    for (const one of this.#processes) one.child.kill('SIGKILL');
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 3 });
  }

  /** What is left of the directory. */
  remains(): string[] {
    return existsSync(this.#root) ? readdirSync(this.#root) : [];
  }
}

function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
