// The ways from a client to a server: direct, through the forwarder alone, and through forwarder and gateway. All are real processes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Closers } from '../../src/base/closers.ts';
import { devMachine } from '../../src/dev/accounts.ts';
import { type DevProvider, startProvider } from '../../src/dev/provider.ts';
import { Laptop } from '../e2e/harness.ts';
import { freePort, startMcprec, type TestProcess } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

/** A way to one server, open until it is disposed of. */
export interface OpenWay extends AsyncDisposable {
  /** What the client is given instead of the server's URL. */
  readonly endpoint: string;
  /** The processes on the way. */
  readonly pids: readonly number[];
}

export interface Way {
  readonly name: string;
  open(upstream: string): Promise<OpenWay>;
}

export const direct: Way = { name: 'direct', open: async (endpoint) => ({ endpoint, pids: [], [Symbol.asyncDispose]: async () => undefined }) };

export const throughForwarder: Way = {
  name: 'forwarder',
  async open(upstream) {
    const laptop = new Laptop();
    const connected = await laptop.connect('--url', upstream);
    return {
      endpoint: connected.endpoint,
      pids: [pidOf(connected.process)],
      async [Symbol.asyncDispose]() {
        await connected[Symbol.asyncDispose]();
        laptop[Symbol.dispose]();
      },
    };
  },
};

function pidOf({ child }: TestProcess): number {
  if (child.pid === undefined) throw new Error('the process did not start');
  return child.pid;
}

const machine = devMachine('the secret of the fixture machine');

/** The way through a gateway of its own for each server. Dispose of it to end the identity provider that all share. */
export class ThroughGateway implements Way, AsyncDisposable {
  readonly name = 'forwarder + gateway';
  readonly #provider: DevProvider;

  private constructor(provider: DevProvider) {
    this.#provider = provider;
  }

  static async start(): Promise<ThroughGateway> {
    return new ThroughGateway(await startProvider({ machines: [machine] }));
  }

  async open(upstream: string): Promise<OpenWay> {
    const opened = new Closers();
    await using undo = new Closers();
    undo.use(opened);
    const directory = opened.use(tempDir());
    const port = await freePort();
    const config = join(directory.path, 'gateway.yaml');
    writeFileSync(config, this.#config(port, upstream));
    const gateway = opened.use(startMcprec(['gateway', '--config', config, '--json'], '/nonexistent'));
    await gateway.event('listening');
    const url = `http://127.0.0.1:${port}`;
    const laptop = opened.use(new Laptop({ MCPREC_CLIENT_SECRET: machine.clientSecret }));
    await laptop.answer('login', '--gateway', url, '--client-credentials', '--client-id', machine.clientId, '--insecure-storage');
    const connected = opened.use(await laptop.connect('fixture'));
    undo.release();
    return { endpoint: connected.endpoint, pids: [pidOf(connected.process), pidOf(gateway)], [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#provider.close();
  }

  #config(port: number, upstream: string): string {
    const { issuer, audience, clientId } = this.#provider;
    return `listen: 127.0.0.1:${port}
data: sqlite:gateway.db
keys: file:gateway.keys
identity: { issuer: "${issuer}", audience: "${audience}", client_id: "${clientId}" }
connections:
  fixture: { kind: mcp, upstream: "${upstream}", record: full }
access:
  - { groups: [${machine.groups.join()}] }
`;
  }
}
