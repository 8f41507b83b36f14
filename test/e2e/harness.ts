// What the end-to-end tests share: the built mcprec as processes, a person who logs in, clients of both SDKs, and the three places to look.
import { zstdDecompressSync } from 'node:zlib';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { systemClock } from '../../src/base/clock.ts';
import type { SessionId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Fault } from '../../src/dev/faults.ts';
import type { UpstreamRequest } from '../../src/dev/upstream-log.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { decodeNames, type StoredEntry } from '../../src/evidence/seal.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Vantage } from '../../src/store/store.ts';
import { type PressOptions, pressButtons } from '../support/press.ts';
import { type Ended, startMcprec, startNode, type TestProcess } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

/** How a command that ran to its end did. */
export interface Outcome extends Ended {
  readonly stdout: string;
  readonly stderr: string;
}

/** One laptop: a state directory of its own, and the commands that run on it. `using` removes it. */
export class Laptop implements Disposable {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #remove: Disposable;

  constructor(env: Readonly<Record<string, string>> = {}) {
    const dir = tempDir();
    this.home = dir.path;
    this.#remove = dir;
    this.env = { MCPREC_PASSPHRASE: 'correct horse battery', ...env };
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

  /** Runs a command that must end with 0 and prints one JSON value. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run(...args, '--json');
    if (code !== 0) throw new Error(`mcprec ${args.join(' ')} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Logs in through the provider's pages as that account. */
  async login(gateway: string, account: string, press: PressOptions = {}): Promise<void> {
    await using login = this.start('login', '--gateway', gateway, '--json');
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
    using journal = openJournal({ path: this.journal, clock: systemClock, random: systemRandom, mode: 'read' });
    const { logId } = journal.findSession(sessionId);
    return journal.readEntries(logId, 0, 1_000);
  }

  get journal(): string {
    return `${this.home}/journal.db`;
  }

  [Symbol.dispose](): void {
    this.#remove[Symbol.dispose]();
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

  /** One JSON-RPC message to the MCP endpoint, as it stands. */
  async post(message: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return post(this.endpoint, message, headers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** One JSON-RPC message by POST; the whole answer. */
export async function post(url: string, message: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(message),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** A call of a tool, without any SDK. */
export function callMessage(id: number, name: string, args: Readonly<Record<string, unknown>> = {}) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } };
}

/** A client of SDK v1, which has opened an MCP session. */
export async function legacyClient(endpoint: string): Promise<LegacyClient & AsyncDisposable> {
  const client = new LegacyClient({ name: 'e2e-legacy', version: '1.0.0' });
  // Its own declaration of `sessionId` does not fit exactOptionalPropertyTypes.
  await client.connect(new LegacyTransport(new URL(endpoint)) as Parameters<LegacyClient['connect']>[0]);
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

/** A client of SDK v2 that has negotiated the modern era. */
export async function modernClient(endpoint: string): Promise<ModernClient & AsyncDisposable> {
  const client = new ModernClient({ name: 'e2e-modern', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new ModernTransport(new URL(endpoint)));
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
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

/** What a gateway itself recorded of a session, read from its store while it runs or after. */
export async function gatewayEntries(file: string, sessionId: string, vantage: Vantage = 'gateway'): Promise<readonly StoredEntry[]> {
  const store = openSqliteStore(file, { clock: systemClock, random: systemRandom });
  try {
    const session = await store.session(sessionId as SessionId);
    const log = session?.logs.find((each) => each.vantage === vantage);
    if (log === undefined) throw new Error(`the gateway has no log of ${sessionId}`);
    return (await store.entries(log.logId, 0, 1_000)).map(({ index, leaf: leafBytes, names, payload }) => ({
      index,
      leaf: decodeLeaf(leafBytes),
      leafBytes,
      ...(names && { names: decodeNames(names.bytes) }),
      ...(payload && { payload: payload.coding === 'zstd' ? zstdDecompressSync(payload.bytes) : payload.bytes }),
    }));
  } finally {
    await store.close();
  }
}

/** An entry in one line: what happened, and how it ended. */
export function brief({ leaf, names }: Pick<StoredEntry, 'leaf' | 'names'>): string {
  const { kind, direction, message, status, failed, decision } = leaf;
  const what = names?.tool ?? names?.method ?? names?.uri ?? '';
  return [kind, direction, message, what, status, failed ? 'failed' : undefined, decision?.effect === 'deny' ? `deny:${decision.rule}` : undefined, names?.note]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
}
