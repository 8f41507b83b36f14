// What the end-to-end tests share: the built mcprec as processes, a person who logs in, clients of both SDKs, and the three places to look.
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Fault } from '../../src/dev/faults.ts';
import type { UpstreamRequest } from '../../src/dev/upstream-log.ts';
import type { StoredEntry } from '../../src/evidence/seal.ts';
import { type GatewayIdentity, openIdentity } from '../../src/identity/gateway-identity.ts';
import { type PressOptions, pressButtons } from '../support/press.ts';
import { type Ended, startMcprec, type TestProcess } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { journalEntries } from './records.ts';

/** How a command that ran to its end did. */
export interface Outcome extends Ended {
  readonly stdout: string;
  readonly stderr: string;
}

/** One laptop: a state directory of its own, and the commands that run on it. `using` removes it. */
export class Laptop implements Disposable {
  readonly env: Readonly<Record<string, string>>;
  #dir: TempDir | undefined;

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.env = { MCPREC_PASSPHRASE: 'correct horse battery', ...env };
  }

  /** Made when it is first asked for: a file whose tests are all left out makes none. */
  get home(): string {
    this.#dir ??= tempDir();
    return this.#dir.path;
  }

  /** Starts a command and leaves it running. */
  start(...args: string[]): TestProcess {
    return startMcprec(args, this.home, { env: this.env });
  }

  /** Runs a command to its end. */
  async run(...args: string[]): Promise<Outcome> {
    await using command = this.start(...args);
    command.child.stdin?.end();
    const ended = await command.end();
    return { ...ended, stdout: command.stdout.map((line) => `${line}\n`).join(''), stderr: command.stderr };
  }

  /** Runs a command that must end with 0; returns what it printed. */
  async answer(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`mcprec ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** Runs a command that must end with 0 and prints one JSON value. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.answer(...args, '--json')) as T;
  }

  /** Logs in through the provider's pages as that account. */
  async login(gateway: string, account: string, press: PressOptions = {}, ...flags: string[]): Promise<void> {
    await using login = this.start('login', '--gateway', gateway, '--json', ...flags);
    const { verificationUriComplete } = await login.event<{ verificationUriComplete: string }>('device_code');
    await pressButtons(verificationUriComplete, { account, ...press });
    const { code } = await login.end();
    if (code !== 0) throw new Error(`login ended with ${code}: ${login.stderr}`);
  }

  /** Starts `mcprec connect` and waits until it is connected. */
  async connect(...args: string[]): Promise<Connected> {
    return Connected.wait(this.start('connect', ...args, '--json'));
  }

  /** Everything recorded of a session, as it stands in the journal now. */
  entries(sessionId: string): readonly StoredEntry[] {
    return journalEntries(this.journal, sessionId);
  }

  /** The control API as the person who is logged in here. */
  identity(): Promise<GatewayIdentity> {
    return openIdentity({ home: this.home, env: this.env, clock: systemClock, random: systemRandom });
  }

  get journal(): string {
    return `${this.home}/journal.db`;
  }

  [Symbol.dispose](): void {
    this.#dir?.[Symbol.dispose]();
  }
}

/** A session as `connect --json` announces it. */
export interface ConnectedSession {
  readonly connection: string;
  readonly sessionId: string;
  readonly endpoint: string;
  readonly localToken: string;
  readonly expiresAtMs: number | null;
}

/** A running `mcprec connect`. */
export class Connected implements AsyncDisposable {
  readonly process: TestProcess;
  readonly sessions: readonly ConnectedSession[];

  private constructor(process: TestProcess, sessions: readonly ConnectedSession[]) {
    this.process = process;
    this.sessions = sessions;
  }

  static async wait(process: TestProcess): Promise<Connected> {
    try {
      return new Connected(process, (await process.event<{ sessions: readonly ConnectedSession[] }>('connected')).sessions);
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The session on that connection, or the only one. */
  session(connection?: string): ConnectedSession {
    const found = this.sessions.find((session) => connection === undefined || session.connection === connection);
    if (found === undefined) throw new Error(`there is no session on ${connection}`);
    return found;
  }

  get endpoint(): string {
    return this.session().endpoint;
  }

  /** Not by SIGKILL: a process that dies while it refreshes the login takes the new refresh token with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop().catch(() => undefined);
    await this.process[Symbol.asyncDispose]();
  }
}

/** `mcprec dev` as a process, with its sandbox at hand. */
export class DevProcess implements AsyncDisposable {
  readonly process: TestProcess;
  readonly gateway: string;
  readonly issuer: string;
  readonly sandbox: string;
  readonly config: string;

  private constructor(process: TestProcess, ready: Readonly<Record<'gateway' | 'issuer' | 'sandbox' | 'config', string>>) {
    this.process = process;
    this.gateway = ready.gateway;
    this.issuer = ready.issuer;
    this.sandbox = ready.sandbox;
    this.config = ready.config;
  }

  static async start(...args: string[]): Promise<DevProcess> {
    const process = startMcprec(['dev', '--port', '0', '--json', ...args], '/nonexistent');
    try {
      return new DevProcess(process, await process.event('ready'));
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What reached the sandbox so far. */
  async received(): Promise<readonly UpstreamRequest[]> {
    return ((await (await fetch(`${this.sandbox}/__log`)).json()) as { requests: UpstreamRequest[] }).requests;
  }

  /** Calls of that tool that reached the sandbox. */
  async callsOf(tool: string): Promise<number> {
    return (await this.received()).filter(({ messages }) => messages.some(({ method, name }) => method === 'tools/call' && name === tool)).length;
  }

  async forget(): Promise<void> {
    await fetch(`${this.sandbox}/__log`, { method: 'DELETE' });
  }

  async fail(fault: Fault): Promise<void> {
    await fetch(`${this.sandbox}/__fault`, { method: 'POST', body: JSON.stringify(fault) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.child.kill('SIGTERM');
    await this.process.end().catch(() => undefined);
    await this.process[Symbol.asyncDispose]();
  }
}
