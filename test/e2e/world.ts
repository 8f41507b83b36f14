// Provider and sandbox in the test's process, the gateway as a process of its own that can be killed and started again on its data.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewayFile } from '../../src/dev/gateway-file.ts';
import { type DevProvider, type ProviderOptions, startProvider } from '../../src/dev/provider.ts';
import { type Sandbox, startSandbox } from '../../src/dev/sandbox.ts';
import { freePort, startMcprec, type TestProcess } from '../support/process.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { Relay } from './relay.ts';

const files = { database: 'gateway.db', keys: 'gateway.keys', apiKey: 'dd_api_key', applicationKey: 'dd_application_key' };

export class World implements AsyncDisposable {
  readonly provider: DevProvider;
  readonly sandbox: Sandbox;
  /** Stands between forwarders and gateway, and is what they know as the gateway. */
  readonly relay: Relay;
  readonly #directory: TempDir;
  #gateway: TestProcess | undefined;

  private constructor(parts: { provider: DevProvider; sandbox: Sandbox; relay: Relay; directory: TempDir }) {
    this.provider = parts.provider;
    this.sandbox = parts.sandbox;
    this.relay = parts.relay;
    this.#directory = parts.directory;
  }

  /** `edit` changes the text of gateway.yaml. */
  static async start(options: ProviderOptions = {}, edit: (yaml: string) => string = (yaml) => yaml): Promise<World> {
    const directory = tempDir();
    const provider = await startProvider({ pollSeconds: 0.1, ...options });
    const sandbox = await startSandbox();
    const port = await freePort();
    const relay = await Relay.open(port);
    const world = new World({ provider, sandbox, relay, directory });
    writeFileSync(world.file('apiKey'), sandbox.credentials.apiKey);
    writeFileSync(world.file('applicationKey'), sandbox.credentials.applicationKey);
    const yaml = gatewayFile({ port, ...provider, sandboxUrl: sandbox.url, mcpUrl: sandbox.mcpUrl, files });
    writeFileSync(world.config, edit(yaml.replace('data: ', `public_url: ${relay.url}\ndata: `)));
    try {
      const keys = world.run('--init-keys');
      await keys.end();
      await world.startGateway();
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  /** The gateway as clients know it. */
  get url(): string {
    return this.relay.url;
  }

  get config(): string {
    return join(this.#directory.path, 'gateway.yaml');
  }

  file(name: keyof typeof files): string {
    return join(this.#directory.path, files[name]);
  }

  get gateway(): TestProcess {
    if (this.#gateway === undefined) throw new Error('the gateway is not started');
    return this.#gateway;
  }

  /** On its port and its data, so that what clients know of it still holds. */
  async startGateway(): Promise<void> {
    this.#gateway = this.run('--json');
    await this.#gateway.event('listening');
  }

  run(...args: string[]): TestProcess {
    return startMcprec(['gateway', '--config', this.config, ...args], '/nonexistent');
  }

  /** Calls of that tool that reached the sandbox. */
  callsOf(tool: string): number {
    return this.sandbox.received().filter(({ messages }) => messages.some(({ method, name }) => method === 'tools/call' && name === tool)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway?.stop('SIGKILL').catch(() => undefined);
    await this.relay[Symbol.asyncDispose]();
    await this.sandbox.close();
    await this.provider.close();
    this.#directory[Symbol.dispose]();
  }
}
