// `mcprec dev`: everything on one machine, to try mcprec or to test against; says what to type next.
import { McprecError } from '../base/errors.ts';
import { type Dev, startDev } from '../dev/dev.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { openLogger } from './logger.ts';

export interface DevCommandOptions {
  readonly port?: string | undefined;
  readonly data?: string | undefined;
  readonly json?: boolean | undefined;
}

// The provider and the sandbox take the two ports behind it.
const PORT_MAX = 65_533;

/** Runs until Ctrl-C or SIGTERM; resolves to the exit code. Throws what `startDev` throws. */
export async function runDev(options: DevCommandOptions, io: Io): Promise<number> {
  // Asked for first: Ctrl-C while things start must not leave them behind.
  const { signal, clock, random, env } = io;
  const logger = openLogger(io, 'warn');
  const dev = await startDev({ port: readPort(options.port), data: options.data, clock, random, env, logger });
  try {
    if (options.json) sayJson(io, readyEvent(dev));
    else for (const line of introduction(dev, options)) say(io, line);
    await aborted(signal);
  } finally {
    await dev.close();
  }
  if (options.json) sayJson(io, { event: 'stopped' });
  else note(io, options.data === undefined ? 'stopped; nothing is left behind' : `stopped; kept in ${options.data}`);
  return 0;
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= PORT_MAX) return port;
  throw new McprecError('usage', `--port ${text} is not a port`, { remedy: `give a number from 1 to ${PORT_MAX}, or 0 for free ones` });
}

function readyEvent(dev: Dev): Record<string, unknown> {
  return {
    event: 'ready',
    gateway: dev.gatewayUrl,
    issuer: dev.provider.issuer,
    sandbox: dev.sandbox.url,
    config: dev.configFile,
    accounts: dev.accounts.map(({ subject, groups }) => ({ subject, groups })),
    machine: { clientId: dev.machine.clientId, secretFile: dev.machineSecretFile, groups: dev.machine.groups },
  };
}

function introduction(dev: Dev, options: DevCommandOptions): string[] {
  const accounts = dev.accounts.map((a) => `            ${a.subject.padEnd(12)} ${a.groups.join(', ')}`);
  return [
    'mcprec dev is running; Ctrl-C ends it.',
    '',
    `  gateway   ${dev.gatewayUrl}`,
    `  provider  ${dev.provider.issuer}, with these accounts and groups:`,
    ...accounts,
    `  sandbox   ${dev.sandbox.url}, a made-up Datadog; what reached it: ${dev.sandbox.url}/__log`,
    `  policy    ${dev.configFile}${options.data === undefined ? ' (temporary; --data DIR keeps it)' : ''}`,
    '',
    'Next, in another terminal:',
    '',
    `  mcprec login --gateway ${dev.gatewayUrl}`,
    '  mcprec connect datadog',
    '  mcprec exec datadog-intake -- COMMAND',
    '  mcprec sessions',
    '',
    'As a machine:',
    '',
    `  mcprec login --gateway ${dev.gatewayUrl} --client-credentials --client-id ${dev.machine.clientId} --client-secret-file ${dev.machineSecretFile}`,
  ];
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
