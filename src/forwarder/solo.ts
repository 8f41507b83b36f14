// The solo form (DESIGN §3): the same data path straight to an upstream, with no gateway, no login and no grant.
import { createSecretKey } from 'node:crypto';
import { type IdSource, newId } from '../base/ids.ts';
import type { Secret } from '../base/secret.ts';
import type { Journal } from '../journal/journal.ts';
import { statementBytes } from '../mask/value.ts';
import { rulesOf } from '../path/rules.ts';
import type { Projection } from '../policy/projection.ts';
import { soloProjection } from '../policy/solo.ts';
import type { UpstreamPool } from '../transport/upstream.ts';
import { soloEdge } from './edge.ts';
import { ForwarderSession } from './session.ts';

export interface SoloOptions {
  readonly url: URL;
  /** Default: everything is allowed and recorded. */
  readonly policy: Projection | undefined;
  readonly reason: string | undefined;
  readonly journal: Journal;
  readonly upstream: UpstreamPool;
  readonly localToken: Secret;
  readonly ids: IdSource;
  readonly client: Readonly<Record<string, unknown>>;
  readonly changed: () => void;
}

/** How a solo connection is called: the host of its URL. */
export function soloName(url: URL): string {
  return url.host;
}

/** Opens a solo session: its `open` entry is durable when this resolves. */
export async function openSolo(options: SoloOptions): Promise<ForwarderSession> {
  const { url, journal, ids, localToken, upstream, changed } = options;
  // The key of the MACs is nobody else's here; it dies with the process (RULES R3).
  const reconcileKey = createSecretKey(ids.random(32));
  const rules = rulesOf(options.policy ?? soloProjection(soloName(url), 'mcp'), { reconcileKey, ids, masksForClient: true });
  const sessionId = newId('ses', ids);
  const stated = { session: sessionId, connection: rules.connection, kind: rules.kind, record: rules.record };
  const given = { upstream: `${url.origin}${url.pathname}`, client: options.client, ...(options.reason !== undefined && { reason: options.reason }) };
  const log = await journal.openSession({
    logId: newId('log', ids),
    open: {
      kind: 'open',
      wallMs: ids.clock.wallMs(),
      monoUs: ids.clock.monoUs(),
      wireBytes: 0,
      policyHash: rules.policy.hash,
      maskerVersion: rules.masker.version,
      payload: statementBytes(rules.masker, stated, given),
    },
  });
  return new ForwarderSession({ log, rules, edge: soloEdge(url, localToken), upstream, localToken, changed });
}
