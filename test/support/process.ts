// Starts real processes for tests, waits for what they print, and leaves none behind.
import { type ChildProcess, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** bin/mcprec.js. */
export const LAUNCHER = new URL('../../bin/mcprec.js', import.meta.url).pathname;
const ROOT = new URL('../..', import.meta.url).pathname;

export interface StartOptions {
  /** Added to a small environment (PATH, HOME, LANG); nothing else of the test's own is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** How long a wait for a line or for the end may take before the test fails. Default: 15 s. */
  readonly waitMs?: number;
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A JSON line of a process. */
export type JsonLine = Readonly<Record<string, unknown>>;

export class TestProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #waitMs: number;
  readonly #lines: string[] = [];
  #stderr = '';
  #woken = Promise.withResolvers<void>();
  #over: Ended | undefined;

  constructor(command: string, args: readonly string[], options: StartOptions) {
    this.#waitMs = options.waitMs ?? 15_000;
    const { PATH = '', HOME = '', LANG = 'C.UTF-8' } = process.env;
    this.child = spawn(command, args, { cwd: options.cwd ?? ROOT, env: { PATH, HOME, LANG, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdout, stderr } = this.child;
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.#wake(() => this.#lines.push(line)));
    stderr?.setEncoding('utf8').on('data', (text: string) =>
      this.#wake(() => {
        this.#stderr += text;
      }),
    );
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        this.#wake(() => {
          this.#over = { code, signal };
        });
        resolve({ code, signal });
      });
    });
    this.ended.catch(() => undefined);
  }

  /** Everything printed to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The lines printed to stdout so far. */
  get stdout(): readonly string[] {
    return this.#lines;
  }

  /** The first line of stdout, past or to come, that `test` says yes to. Fails where the process ends without one. */
  async line(test: (line: string) => boolean): Promise<string> {
    const found = await this.#until(() => this.#lines.find(test), 'the line');
    return found;
  }

  /** The first JSON line whose `event` is `name`. */
  async event<T = JsonLine>(name: string): Promise<T> {
    const isIt = (line: string): boolean => line.startsWith('{') && (JSON.parse(line) as JsonLine).event === name;
    return JSON.parse(await this.line(isIt)) as T;
  }

  /** Waits until stderr holds `text`. */
  async says(text: string): Promise<string> {
    await this.#until(() => this.#stderr.includes(text) || undefined, JSON.stringify(text));
    return this.#stderr;
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return this.end();
  }

  /** Waits for the end. */
  async end(): Promise<Ended> {
    return this.#until(() => this.#over, 'the end');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over === undefined) this.child.kill('SIGKILL');
    await this.ended.catch(() => undefined);
  }

  #wake(change: () => void): void {
    change();
    const { resolve } = this.#woken;
    this.#woken = Promise.withResolvers<void>();
    resolve();
  }

  async #until<T>(look: () => T | undefined, what: string): Promise<T> {
    const late = AbortSignal.timeout(this.#waitMs);
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#over !== undefined || late.aborted) {
        const state = this.#over === undefined ? 'still runs' : `ended with ${this.#over.code ?? this.#over.signal}`;
        throw new Error(`waited for ${what}, but the process ${state}\nstdout: ${this.#lines.join('\n')}\nstderr: ${this.#stderr}`);
      }
      await Promise.race([this.#woken.promise, new Promise((resolve) => late.addEventListener('abort', resolve, { once: true }))]);
    }
  }
}

/** Starts `node` with these arguments. `await using` kills it at the end of the test where it still runs. */
export function startNode(args: readonly string[], options: StartOptions = {}): TestProcess {
  return new TestProcess(process.execPath, args, options);
}

/** Starts the built mcprec with its state in `home`. */
export function startMcprec(args: readonly string[], home: string, options: StartOptions = {}): TestProcess {
  return startNode([LAUNCHER, ...args], { ...options, env: { MCPREC_HOME: home, ...options.env } });
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
