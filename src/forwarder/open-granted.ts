// Opens a session under a grant: asks for the grant, writes the `open` entry, and puts the session together.
import { asMcprecError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { Rounds } from '../base/rounds.ts';
import { Checkpointer } from '../journal/checkpointer.ts';
import { statementBytes } from '../mask/value.ts';
import { seenTree } from '../sync/receipts.ts';
import { receipted } from '../sync/witnessed.ts';
import { awaitGrant } from './grant-wait.ts';
import { type GrantedOptions, GrantedSession, rulesFor } from './granted.ts';
import { ForwarderSession } from './session.ts';

/** Opens a session: the grant is given and the `open` entry durable when this resolves. Throws what the gateway says of the grant, and `journal_*`. */
export async function openGranted(options: GrantedOptions): Promise<GrantedSession> {
  const logId = newId('log', options.ids);
  const grant = await awaitGrant(options.identity, { ...options.wish, logId }, options.waiting);
  const rules = await rulesFor(grant, options.ids);
  const { identity, connection, sessionId } = grant.response;
  const stated = {
    session: sessionId,
    connection: connection.name,
    kind: connection.kind,
    record: connection.record,
    gateway: options.identity.gateway,
    identity,
  };
  const { name, publicKey } = options.identity.signDevice();
  const given = {
    device: { name, publicKey },
    client: { program: 'mcprec', version: options.wish.version },
    ...(options.wish.reason !== undefined && { reason: options.wish.reason }),
  };
  const log = await options.journal.openSession({
    logId,
    open: {
      kind: 'open',
      wallMs: options.ids.clock.wallMs(),
      monoUs: options.ids.clock.monoUs(),
      wireBytes: 0,
      policyHash: rules.policy.hash,
      maskerVersion: rules.masker.version,
      payload: statementBytes(rules.masker, stated, given),
    },
  });
  const checkpoints = new Checkpointer({
    log,
    notary: options.journal.notary,
    signer: options.identity.logSigner,
    clock: options.ids.clock,
    seen: () => seenTree(options.journal, options.identity.gateway),
    trouble: (error) => options.trouble(`the log’s checkpoint could not be signed: ${asMcprecError(error).message}`),
  });
  const { journal, upstream, localToken, changed, witnesses: required } = options;
  const receipts = new Rounds(() => receipted(log, { journal, identity: options.identity, clock: options.ids.clock, required }));
  const witnessed = () => receipts.join();
  return new GrantedSession(options, grant, (edge) => new ForwarderSession({ log, checkpoints, rules, edge, upstream, localToken, changed, witnessed }));
}
