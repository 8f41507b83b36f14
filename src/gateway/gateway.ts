// Wires a gateway: store, keys, control API and data path behind one listener; and takes it down again in order.
import type { Logger } from 'pino';
import { Closers } from '../base/closers.ts';
import type { IdSource } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { parseVerifier } from '../evidence/note.ts';
import type { LogTail } from '../evidence/tail.ts';
import type { GatewayConfig } from '../policy/config.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { cosignBy } from '../sync/witness-client.ts';
import { buildApi } from './api.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import { Authenticator } from './authenticate.ts';
import type { Environment } from './credentials.ts';
import { openDataPath } from './datapath.ts';
import { SessionEvents } from './events.ts';
import { FrontDoor } from './front-door.ts';
import { Grants } from './grants.ts';
import { Handles } from './handles.ts';
import { createKeys, type GatewayKeys } from './keys.ts';
import { LiveSessions } from './live.ts';
import { LiveConfig } from './live-config.ts';
import { GatewayNotary } from './notary.ts';
import { openApprovals } from './open-approvals.ts';
import { type ReadConfig, Reloads } from './reload.ts';
import { Removals } from './removals.ts';
import { openKeys, type ResolvedSecrets, resolveSecrets } from './secrets.ts';
import { Sequencer, type SequencerParts } from './sequencer.ts';
import { Tokens } from './tokens.ts';
import { ToolForms } from './tool-forms.ts';
import { Witness } from './witness.ts';

export interface GatewayWorld extends IdSource {
  readonly logger: Logger;
  readonly env: Environment;
  /** True where the keys file is made if it is missing: `mcprec dev`, and the first start of a gateway. */
  readonly createKeys?: boolean;
}

export interface Gateway {
  /** Where it listens. */
  readonly url: string;
  /** What clients call it. */
  readonly publicUrl: string;
  /** Puts in force what `read` gives, in sessions under way too; resolves to false where that is refused and the old one stays. */
  reload(read: ReadConfig): Promise<boolean>;
  /** Ends event streams, lets calls in flight finish for a moment, writes what waits. Sessions stay open for the next start. */
  close(): Promise<void>;
}

interface Opened extends ResolvedSecrets {
  readonly keys: GatewayKeys;
  readonly store: Store;
  readonly door: FrontDoor;
  readonly growth: Growth;
}

/** Where the store tells of logs that have grown; the notary listens once it is there. */
interface Growth {
  told: (tail: LogTail) => void;
}

/**
 * Starts a gateway. Throws `secret_unresolved`, `config_invalid` (its keys), `port_taken`, and what opening the store throws; then
 * nothing is left open.
 */
export async function startGateway(config: GatewayConfig, world: GatewayWorld): Promise<Gateway> {
  if (world.createKeys && config.keys.kind === 'file') createKeys(config.keys.path, world.random);
  const keys = openKeys(config, world.env, world.random);
  const secrets = resolveSecrets(config, world.env);
  const growth: Growth = { told: () => undefined };
  const store = openSqliteStore(config.data.path, { clock: world.clock, random: world.random, advanced: (tail) => growth.told(tail) });
  const door = new FrontDoor();
  try {
    return await run(config, world, { keys, ...secrets, store, door, growth });
  } catch (error) {
    await door.close();
    await store.close();
    throw error;
  }
}

async function run(first: GatewayConfig, world: GatewayWorld, { keys, credentials, commands, hooks, store, door, growth }: Opened): Promise<Gateway> {
  const { logger, clock, random } = world;
  const ids: IdSource = { clock, random };
  const liveConfig = new LiveConfig(first);
  const reloads = new Reloads(logger);
  const { config } = liveConfig;
  // First: the address stands in what is signed, and a free port (0) is known only now.
  const url = await door.open(config.listen.host, config.listen.port);
  const publicUrl = config.publicUrl.endsWith(':0') ? url : config.publicUrl;
  const events = new SessionEvents();
  const tools = await ToolForms.open(keys.handleKey, store);
  const live = new LiveSessions({ config, store, keys, ids, tools });
  const { desk, holds, grantApprovals, approvals, webhooks } = openApprovals({ config, store, keys, ids, events, hooks, tools, publicUrl, logger });
  const grants = new Grants({ config, store, keys, ids, tools, live, events, publicUrl, desk, approvals: grantApprovals });
  const tokens = new Tokens({ identity: config.identity, clock, spendProof: (proof, expiresMs) => store.spendProof(proof, expiresMs) });
  const { sequencer, witness } = openWitness({ store, keys, publicUrl, clock, logger, witnesses: config.witnesses });
  const notary = new GatewayNotary({ sequencer, signingKey: keys.signingKey, live, clock, logger });
  growth.told = (tail) => notary.advanced(tail);
  const removals = new Removals({ store, notary, config, clock, logger });
  const api = buildApi(
    { config, publicUrl, store, tokens, grants, approvals, events, clock, logger, witness, sequencer, removals, policyState: () => reloads.state() },
    (handler) => door.useApi(handler),
  );
  await api.ready();
  const dataPath = openDataPath({
    config,
    publicUrl,
    authenticator: new Authenticator({ publicUrl, store, live, clock }),
    handles: new Handles(keys.handleKey, store, clock),
    holds,
    notary,
    tools,
    credentials,
    commands,
    ids,
    logger,
  });
  door.serve(dataPath);
  // Last first; what fails to close keeps nothing else open.
  const closers = new Closers();
  closers.defer(() => store.close());
  closers.defer(() => sequencer.drain());
  closers.defer(() => notary.close());
  closers.defer(() => door.close());
  closers.defer(() => api.close());
  closers.defer(() => dataPath.close());
  closers.defer(() => events.close());
  closers.defer(() => door.stopListening());
  closers.defer(() => webhooks.close());
  closers.defer(removals.start());
  closers.defer(sweep(store, { grants, desk }, world));
  return {
    url,
    publicUrl,
    reload: (read) => reloads.reload({ live: liveConfig, grants, dataPath, env: world.env, logger }, read),
    close: () => closers[Symbol.asyncDispose](),
  };
}

function openWitness({
  store,
  keys,
  publicUrl,
  clock,
  logger,
  witnesses,
}: Pick<Opened, 'store' | 'keys'> & Pick<GatewayWorld, 'clock' | 'logger'> & Pick<GatewayConfig, 'witnesses'> & { readonly publicUrl: string }) {
  const { signingKey } = keys;
  const places = witnesses.map(({ url, key }) => ({ url, verifier: parseVerifier(key) }));
  const cosign: SequencerParts['cosign'] = async (head, note, prove) => {
    let signed = note;
    for (const place of places) signed = await cosignBy(place, { head, note: signed, prove });
    return signed;
  };
  const sequencer = new Sequencer({ store, signingKey, origin: new URL(publicUrl).host, clock, cosign });
  return { sequencer, witness: new Witness({ store, sequencer, signingKey, clock, logger }) };
}

/** Ends what has expired, again and again; returns what stops it. A fault is logged and tried again: the data path checks expiry by itself. */
function sweep(store: Store, { grants, desk }: { readonly grants: Grants; readonly desk: ApprovalDesk }, { clock, logger }: GatewayWorld): () => Promise<void> {
  let running: Promise<void> | undefined;
  let lastSweepMs = 0;
  const once = async (): Promise<void> => {
    try {
      const nowMs = clock.wallMs();
      await desk.endExpired(nowMs);
      await grants.endExpired();
      if (nowMs - lastSweepMs < limits.storeSweepMs) return;
      lastSweepMs = nowMs;
      await store.sweep(nowMs);
    } catch (err) {
      logger.error({ err }, 'could not end what has expired');
    }
  };
  const timer = setInterval(() => {
    running ??= once().finally(() => {
      running = undefined;
    });
  }, limits.expiryCheckMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}
