// The processes of the bench, each of its own: load generator, upstream, bare hops, forwarders on their own, and a forwarder behind a gateway with a real login.
import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gatewayFile } from '../../src/dev/gateway-file.ts';
import { startProvider } from '../../src/dev/provider.ts';
import { Laptop } from '../e2e/harness.ts';
import { freePort, LAUNCHER, startNode, type TestProcess } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import type { LoadOrder, LoadReport } from './load.ts';

/** Where load is sent. */
export interface Target {
  readonly port: number;
  readonly path: string;
}

/** A forwarder, and the directory of its journal. */
export interface ForwarderTarget extends Target {
  readonly home: string;
  readonly process: TestProcess;
}

export interface ForwarderOptions {
  readonly masking: 'on' | 'off';
  readonly synchronous: 'full' | 'normal';
}

const WAIT_MS = 60_000;
const files = { database: 'gateway.db', keys: 'gateway.keys', apiKey: 'dd_api_key', applicationKey: 'dd_application_key' };

export class Stage implements AsyncDisposable {
  readonly direct: Target;
  readonly #dir: TempDir = tempDir();
  readonly #profiles: string | undefined;
  readonly #load: ChildProcess;
  readonly #children: ChildProcess[];
  readonly #closers: (() => Promise<unknown>)[] = [];

  private constructor(load: ChildProcess, upstream: ChildProcess, port: number, profiles: string | undefined) {
    this.#load = load;
    this.#children = [load, upstream];
    this.#profiles = profiles;
    this.direct = { port, path: '/mcp' };
  }

  /** Starts upstream and load generator. With `profiles`, mcprec's processes write CPU profiles into that directory when they end. */
  static async open(profiles: string | undefined): Promise<Stage> {
    const upstream = child('upstream-child.ts');
    const load = child('load-child.ts');
    return new Stage(load, upstream, await portOf(upstream), profiles);
  }

  /** A bare hop in front of `to`. */
  async hop(to: Target): Promise<Target> {
    const hop = child('hop-child.ts', String(to.port));
    this.#children.push(hop);
    return { port: await portOf(hop), path: '/mcp' };
  }

  /** `mcprec connect --url` in front of the upstream, under a policy. */
  async forwarder({ masking, synchronous }: ForwarderOptions): Promise<ForwarderTarget> {
    const policy = this.#config(0, 'http://127.0.0.1:1/', masking);
    const laptop = this.#laptop();
    return this.#connect(laptop, ['--url', this.#upstream, '--policy', policy, '--synchronous', synchronous]);
  }

  /** `mcprec connect` in front of a gateway, in front of the upstream. Returns the gateway's process and the file of its store, too. */
  async forwarderAndGateway(): Promise<ForwarderTarget & { readonly gateway: TestProcess; readonly store: string }> {
    const provider = await startProvider({ pollSeconds: 0.1 });
    this.#closers.push(() => provider.close());
    const port = await freePort();
    const config = this.#config(port, provider.issuer, 'on', provider);
    writeFileSync(this.#file(files.apiKey), 'bench-api-key');
    writeFileSync(this.#file(files.applicationKey), 'bench-application-key');
    const keys = this.#mcprec(['gateway', '--config', config, '--init-keys']);
    await keys.end();
    const gateway = this.#mcprec(['gateway', '--config', config, '--json']);
    await gateway.event('listening');
    const laptop = this.#laptop();
    await laptop.login(`http://127.0.0.1:${port}`, 'maya.okafor');
    const connected = await this.#connect(laptop, ['datadog']);
    return { ...connected, gateway, store: this.#file(files.database) };
  }

  /** Sends load and resolves to what came of it. */
  load(target: Target, order: Omit<LoadOrder, 'port' | 'path'>): Promise<LoadReport> {
    const report = new Promise<LoadReport>((resolve, reject) => {
      this.#load.once('message', resolve);
      this.#load.once('exit', () => reject(new Error('the load generator died')));
    });
    const { port, path } = target;
    this.#load.send({ ...order, port, path });
    return report.finally(() => this.#load.removeAllListeners('exit'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.toReversed()) await close().catch(() => undefined);
    for (const one of this.#children) one.kill('SIGKILL');
    this.#dir[Symbol.dispose]();
  }

  get #upstream(): string {
    return `http://127.0.0.1:${this.direct.port}/mcp`;
  }

  #file(name: string): string {
    return join(this.#dir.path, name);
  }

  #laptop(): Laptop {
    const laptop = new Laptop();
    this.#closers.push(async () => laptop[Symbol.dispose]());
    return laptop;
  }

  /** The policy of `mcprec dev` over our upstream: deny rules, access by group, and masking as asked. */
  #config(port: number, issuer: string, masking: 'on' | 'off', provider = { audience: 'bench', clientId: 'bench' }): string {
    const url = new URL(this.#upstream);
    const yaml = gatewayFile({ port, issuer, audience: provider.audience, clientId: provider.clientId, sandboxUrl: url.origin, mcpUrl: url.href, files });
    const path = this.#file(`gateway-${port}-${masking}.yaml`);
    writeFileSync(path, masking === 'on' ? yaml : yaml.replace(/detectors: \[.*\]/, 'detectors: []').replace(/ {2}fields:\n(?: {4}- .*\n)*/, ''));
    return path;
  }

  async #connect(laptop: Laptop, args: readonly string[]): Promise<ForwarderTarget> {
    const process = this.#mcprec(['connect', ...args, '--json'], laptop.home, laptop.env);
    const { sessions } = await process.event<{ sessions: readonly [{ readonly endpoint: string }] }>('connected');
    const endpoint = new URL(sessions[0].endpoint);
    return { port: Number(endpoint.port), path: endpoint.pathname, home: laptop.home, process };
  }

  #mcprec(args: readonly string[], home = '/nonexistent', env: Readonly<Record<string, string>> = {}): TestProcess {
    // A directory for each process: its threads write profiles of their own.
    const profiling = this.#profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(this.#profiles, `${args[0]}-${this.#closers.length}`)}`];
    const process = startNode([...profiling, LAUNCHER, ...args], { env: { MCPREC_HOME: home, ...env }, waitMs: WAIT_MS });
    this.#closers.push(() => process[Symbol.asyncDispose]());
    return process;
  }
}

function child(file: string, ...args: string[]): ChildProcess {
  return fork(new URL(file, import.meta.url), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

function portOf(process: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    process.once('message', (address: AddressInfo) => resolve(address.port));
    process.once('exit', (code) => reject(new Error(`a process of the bench ended with ${code}`)));
  });
}
