// `mcprec dev` as a value: sandbox, OIDC provider and gateway in one process on loopback, and the files that they share.
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { Closers } from '../base/closers.ts';
import { McprecError } from '../base/errors.ts';
import type { RandomBytes } from '../base/random.ts';
import { startGateway } from '../gateway/gateway.ts';
import type { GatewayConfig } from '../policy/config.ts';
import { parseConfig } from '../policy/parse.ts';
import { type Account, devAccounts, devMachine, type MachineAccount } from './accounts.ts';
import { type DevDirectory, devFiles, openDevDirectory } from './directory.ts';
import { gatewayFile } from './gateway-file.ts';
import { type DevProvider, startProvider } from './provider.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';

export interface DevOptions {
  /** Of the gateway; provider and sandbox take the two after it. 0 takes three free ones; left out: what gateway.yaml says, else 7470. */
  readonly port?: number | undefined;
  /** Kept from run to run; without it everything is temporary. */
  readonly data?: string | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Where a gateway.yaml that was changed finds its `env:NAME`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The gateway's. */
  readonly logger: Logger;
  readonly seed?: number;
  readonly accounts?: readonly Account[];
  readonly accessTokenSeconds?: number;
  readonly pollSeconds?: number;
}

export interface Dev {
  readonly gatewayUrl: string;
  readonly provider: DevProvider;
  readonly sandbox: Sandbox;
  readonly accounts: readonly Account[];
  readonly machine: MachineAccount;
  readonly configFile: string;
  readonly machineSecretFile: string;
  close(): Promise<void>;
}

const PORT_DEFAULT = 7470;

interface Ports {
  readonly gateway: number;
  readonly provider: number;
  readonly sandbox: number;
}

/** Starts all three; what was started is closed again where one fails. Throws `port_taken`, `home_unwritable`, `config_invalid`, `usage`. */
export async function startDev(options: DevOptions): Promise<Dev> {
  // All of them are closed, also where one fails: a listener that is left open would keep the process alive.
  const closers = new Closers();
  const close = () => closers[Symbol.asyncDispose]();
  try {
    const directory = openDevDirectory(options.data);
    closers.defer(directory.close);
    return { ...(await startParts(options, directory, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startParts(options: DevOptions, directory: DevDirectory, closers: Closers): Promise<Omit<Dev, 'close'>> {
  const { clock, random } = options;
  const source = { file: directory.file('config') };
  const kept = directory.readConfig();
  const ports = kept === undefined ? portsFrom(options.port ?? PORT_DEFAULT) : portsOf(parseConfig(kept, source).config, options.port, source.file);
  const hex = (bytes: number) => () => Buffer.from(random(bytes)).toString('hex');
  const credentials = { apiKey: directory.secret('apiKey', hex(16)), applicationKey: directory.secret('applicationKey', hex(20)) };
  const sandbox = await startSandbox({ port: ports.sandbox, clock, credentials, ...(options.seed === undefined ? {} : { seed: options.seed }) });
  closers.defer(() => sandbox.close());

  const accounts = options.accounts ?? devAccounts;
  const machine = devMachine(directory.secret('machineSecret', hex(24)));
  const provider = await startProvider({
    port: ports.provider,
    clock,
    accounts,
    machines: [machine],
    ...(options.data === undefined ? {} : { data: directory.path }),
    ...(options.accessTokenSeconds === undefined ? {} : { accessTokenSeconds: options.accessTokenSeconds }),
    ...(options.pollSeconds === undefined ? {} : { pollSeconds: options.pollSeconds }),
  });
  closers.defer(() => provider.close());

  const text = kept ?? gatewayFile({ ...provider, port: ports.gateway, sandboxUrl: sandbox.url, mcpUrl: sandbox.mcpUrl, files: devFiles });
  if (kept === undefined) directory.writeConfig(text);
  const { env, logger } = options;
  const gateway = await startGateway(parseConfig(text, source).config, { clock, random, env, logger, createKeys: true });
  closers.defer(() => gateway.close());
  return { gatewayUrl: gateway.url, provider, sandbox, accounts, machine, configFile: source.file, machineSecretFile: directory.file('machineSecret') };
}

function portsFrom(port: number): Ports {
  return port === 0 ? { gateway: 0, provider: 0, sandbox: 0 } : { gateway: port, provider: port + 1, sandbox: port + 2 };
}

/** The ports that a gateway.yaml of an earlier run names: tokens and connections in it hold these addresses. */
function portsOf(config: GatewayConfig, asked: number | undefined, file: string): Ports {
  const gateway = config.listen.port;
  if (asked !== undefined && asked !== 0 && asked !== gateway) {
    throw new McprecError('usage', `${file} says that the gateway listens on port ${gateway}, not ${asked}`, {
      remedy: 'leave --port out, or name another directory with --data',
    });
  }
  const upstream = Object.values(config.connections).find((c) => c.kind === 'mcp' && isOfSandbox(c.upstream))?.upstream;
  return { gateway, provider: portOf(config.identity.issuer), sandbox: upstream === undefined ? 0 : portOf(upstream) };
}

function isOfSandbox(upstream: string): boolean {
  return URL.canParse(upstream) && new URL(upstream).hostname === '127.0.0.1';
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
