// `mcprec doctor`: one line for each thing that must be right, with the remedy where it is not.
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { asMcprecError, exitCodes, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { limits } from '../base/limits.ts';
import { readPlaces } from '../forwarder/places.ts';
import { discoverGateway } from '../identity/discovery.ts';
import { type GatewayIdentity, openIdentity } from '../identity/gateway-identity.ts';
import { keychainFault } from '../identity/keychain.ts';
import { namedGateway, readLogins } from '../identity/logins.ts';
import { openJournal } from '../journal/journal.ts';
import { connectionsResponseSchema, controlPaths } from '../protocol/control.ts';
import { ensureHome, journalPath } from './home.ts';
import { type Io, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions, whoText } from './login.ts';

export interface DoctorOptions extends SecretFlags {
  readonly gateway?: string | undefined;
  readonly json?: boolean | undefined;
}

/** `ok`, `warn` (works, but not as it could), `broken`, or `skipped` because of an earlier one. */
type State = 'ok' | 'warn' | 'broken' | 'skipped';

interface Finding {
  readonly check: string;
  readonly state: State;
  readonly text: string;
  readonly remedy?: string;
}

const marks: Readonly<Record<State, string>> = { ok: '✓', warn: '!', broken: '✗', skipped: '-' };

/** Prints the findings. Returns 0 where nothing is broken, else the exit code of the first broken one's category. */
export async function runDoctor(options: DoctorOptions, io: Io): Promise<number> {
  let exitCode = 0;
  const findings: Finding[] = [];
  const report = (finding: Finding): void => {
    findings.push(finding);
    if (!options.json) say(io, lineOf(finding));
  };
  const attempt = async (check: string, work: () => Promise<Omit<Finding, 'check'>> | Omit<Finding, 'check'>): Promise<boolean> => {
    try {
      const finding = { check, ...(await work()) };
      if (finding.state === 'broken') exitCode ||= exitCodes.unexpected;
      report(finding);
      return finding.state !== 'broken';
    } catch (error) {
      const known = asMcprecError(error);
      exitCode ||= known.exitCode;
      report({ check, state: 'broken', text: known.message, remedy: known.remedy });
      return false;
    }
  };
  await attempt('node', () => ({ state: 'ok', text: `${process.versions.node}, ${process.platform} ${process.arch}` }));
  await attempt('home', () => checkHome(io));
  await attempt('keychain', () => checkKeychain(io));
  await attempt('journal', () => checkJournal(io));
  await attempt('port', () => checkPorts(io));
  await checkGateway(options, io, attempt, report);
  if (options.json) sayJson(io, { ok: exitCode === 0, findings });
  return exitCode;
}

function lineOf({ check, state, text, remedy }: Finding): string {
  const what = `${marks[state]} ${check.padEnd(9)} ${escapeHostileLine(text)}`;
  return remedy === undefined ? what : `${what}; ${escapeHostileLine(remedy)}`;
}

type Answer = Omit<Finding, 'check'>;
type Attempt = (check: string, work: () => Promise<Answer> | Answer) => Promise<boolean>;

function checkHome(io: Io): Answer {
  ensureHome(io.home);
  return { state: 'ok', text: io.home };
}

async function checkKeychain(io: Io): Promise<Answer> {
  const logins = Object.values(readLogins(io.home).gateways);
  const other = logins.find((login) => login.storage !== 'keychain');
  const fault = await keychainFault({ home: io.home, env: io.env });
  if (fault === undefined) return { state: 'ok', text: 'usable' };
  if (other?.storage === 'plain-file')
    return { state: 'warn', text: `not usable (${fault}); secrets are in a plain file`, remedy: 'log in again with a passphrase' };
  if (logins.some((login) => login.storage === 'keychain'))
    return { state: 'broken', text: `not usable (${fault}), but a login is kept in it`, remedy: 'unlock it, or run: mcprec login' };
  return { state: 'ok', text: `none here (${fault}); an encrypted file is used` };
}

function checkJournal(io: Io): Answer {
  const path = journalPath(io.home);
  if (!existsSync(path)) return { state: 'ok', text: 'none yet; the first session makes it' };
  // Opened for writing: a journal that can be read and not written refuses every call.
  using journal = openJournal({ path, clock: io.clock, random: io.random });
  const lag = journal.syncLag();
  const newest = journal.sessions({ limit: 1 })[0];
  const text = newest === undefined ? 'empty' : `readable and writable; ${lag.entries === 0 ? 'nothing to sync' : `${lag.entries} entries to sync`}`;
  return lag.entries === 0 ? { state: 'ok', text } : { state: 'warn', text, remedy: 'run: mcprec sync' };
}

async function checkPorts(io: Io): Promise<Answer> {
  const places = Object.values(readPlaces(io.home));
  if (places.length === 0) return { state: 'ok', text: 'none is remembered yet' };
  const taken: number[] = [];
  for (const { port } of places) if (port !== 0 && !taken.includes(port) && !(await isFree(port))) taken.push(port);
  if (taken.length === 0) return { state: 'ok', text: `${[...new Set(places.map((place) => place.port))].join(', ')} free` };
  return { state: 'warn', text: `${taken.join(', ')} in use`, remedy: 'fine where mcprec connect runs; else stop what holds it' };
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function checkGateway(options: DoctorOptions, io: Io, attempt: Attempt, report: (finding: Finding) => void): Promise<void> {
  const gateway = namedGateway({ gateway: options.gateway, env: io.env }, readLogins(io.home));
  if (gateway === undefined) {
    report({ check: 'gateway', state: 'skipped', text: 'none is known; solo connections need none' });
    return;
  }
  const reached = await attempt('gateway', async () => ({ state: 'ok', text: `${gateway}, issuer ${(await discoverGateway(gateway)).issuer}` }));
  if (!reached) {
    for (const check of ['token', 'clock']) report({ check, state: 'skipped', text: 'the gateway cannot be asked' });
    return;
  }
  let skewMs: number | undefined;
  await attempt('token', async () => {
    await using identity = await openIdentity({ ...secretOptions(options, io), gateway, clock: io.clock, random: io.random });
    const { allowed, gatewayMs } = await askGateway(identity);
    skewMs = gatewayMs === undefined ? undefined : io.clock.wallMs() - gatewayMs;
    return { state: 'ok', text: `${whoText(identity.login.identity)}; may use: ${allowed.length === 0 ? 'no connection' : allowed.join(', ')}` };
  });
  await attempt('clock', () => clockAnswer(skewMs));
}

async function askGateway(identity: GatewayIdentity): Promise<{ allowed: readonly string[]; gatewayMs: number | undefined }> {
  const answer = await identity.request('GET', controlPaths.connections);
  const read = connectionsResponseSchema.safeParse(answer.json());
  if (!read.success) throw new McprecError('gateway_failed', 'the gateway’s answer is not what this mcprec understands', { cause: read.error });
  const date = Date.parse(String(answer.headers.date ?? ''));
  return { allowed: read.data.connections.filter((c) => c.allowed).map((c) => c.name), gatewayMs: Number.isNaN(date) ? undefined : date };
}

const DATE_RESOLUTION_MS = 1_000;

function clockAnswer(skewMs: number | undefined): Answer {
  if (skewMs === undefined) return { state: 'skipped', text: 'the gateway did not say what time it has' };
  const seconds = Math.round(skewMs / 1000);
  const text =
    Math.abs(skewMs) <= DATE_RESOLUTION_MS * 2 ? 'agrees with the gateway' : `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the gateway`;
  if (Math.abs(skewMs) > limits.signatureSkewMsMax) return { state: 'broken', text, remedy: 'set this machine’s clock; signed requests are refused' };
  return Math.abs(skewMs) > limits.signatureSkewMsMax / 2 ? { state: 'warn', text, remedy: 'set this machine’s clock' } : { state: 'ok', text };
}
