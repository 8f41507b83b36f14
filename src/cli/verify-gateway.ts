// `mcprec verify --gateway URL`: verifies what the gateway holds, as far as its caller may read it, against what this laptop has seen.
import { existsSync } from 'node:fs';
import { exitCodes } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import type { LogId } from '../base/ids.ts';
import { Frontier, leafHash } from '../evidence/merkle.ts';
import { type GatewayIdentity, openIdentity } from '../identity/gateway-identity.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import { type AuditedSession, type AuditOptions, auditGateway } from '../sync/gateway-audit.ts';
import { requiredWitnesses, witnessPlaces } from '../sync/receipts.ts';
import { countText } from '../tui/words.ts';
import { journalPath } from './home.ts';
import { type Io, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions } from './login.ts';

export interface VerifyGatewayOptions extends SecretFlags {
  readonly gateway: string;
  readonly json?: boolean;
}

/** Resolves to 0, or to 7 (`verify_failed`) where anything is wrong. Throws `login_required`, `gateway_unreachable`, and `witness_missing` where a witness cannot be asked. */
export async function runVerifyGateway(options: VerifyGatewayOptions, io: Io): Promise<number> {
  await using identity = await openIdentity({ ...secretOptions(options, io), gateway: options.gateway, clock: io.clock, random: io.random });
  using journal = openIfThere(io);
  const places = witnessPlaces(io.env);
  const { treeSize, whole, sessions, findings } = await auditGateway(identity, {
    ...knownOf(journal, identity),
    // One that is asked gives its word itself.
    required: requiredWitnesses(io.env).filter(({ keyId }) => !places.some(({ verifier }) => verifier.keyId === keyId)),
    places,
    signal: io.signal,
  });
  const wrong = findings.length + sessions.reduce((sum, session) => sum + wrongIn(session), 0);
  const witnesses = places.map(({ verifier }) => verifier.name);
  if (options.json) sayJson(io, { verified: wrong === 0, gateway: identity.gateway, treeSize, whole, witnesses, sessions, findings });
  else {
    for (const session of sessions) saySession(io, session);
    for (const { code, message } of findings) say(io, escapeHostileLine(`gateway: ${code}: ${message}`));
    const scope = [
      whole ? 'everything it holds' : 'your own sessions; an administrator can verify the rest',
      ...witnesses.map((name) => `the witness ${name} was asked`),
    ].join('; ');
    say(
      io,
      `${identity.gateway}: ${countText(sessions.length, 'session')}, a tree of ${countText(treeSize, 'checkpoint')} (${scope}): ${wrong === 0 ? 'all verified' : countText(wrong, 'finding')}`,
    );
  }
  return wrong === 0 ? 0 : exitCodes.journal;
}

function openIfThere({ home, clock, random }: Io): Journal | undefined {
  const path = journalPath(home);
  return existsSync(path) ? openJournal({ path, clock, random, mode: 'read' }) : undefined;
}

/** What this laptop has seen of the gateway and holds itself. */
function knownOf(journal: Journal | undefined, { gateway, logSigner }: GatewayIdentity): Pick<AuditOptions, 'seen' | 'known' | 'own'> {
  if (journal === undefined) return { seen: undefined, known: [], own: () => undefined };
  const sessions = journal
    .verifier()
    .sessionIds()
    .map((id) => journal.findSession(id))
    .filter((session) => session.gateway === gateway);
  const logs = new Set<LogId>(sessions.map(({ logId }) => logId));
  const own: AuditOptions['own'] = (logId, size) => {
    if (!logs.has(logId)) return undefined;
    const frontier = new Frontier();
    for (const { leafBytes } of journal.walk(logId)) {
      if (frontier.size === size) break;
      frontier.append(leafHash(leafBytes));
    }
    return { key: logSigner.publicKey, head: { size: frontier.size, root: frontier.root(), by: 'the journal of this laptop' } };
  };
  return { seen: journal.notary.treeOf(gateway), known: sessions.map(({ sessionId }) => sessionId), own };
}

function wrongIn({ logs, reconciled }: AuditedSession): number {
  return logs.reduce((sum, { findings, more }) => sum + findings.length + more, 0) + reconciled.differs + reconciled.missing;
}

function saySession(io: Io, session: AuditedSession): void {
  const { sessionId, connection, logs, reconciled } = session;
  const parts = logs.map(({ vantage, entries, erased, pruned }) => {
    const gone = [...(erased > 0 ? [`${erased} erased, authorised`] : []), ...(pruned > 0 ? [`${pruned} pruned`] : [])];
    return `${vantage === 'forwarder' ? 'laptop' : 'gateway'} ${entries} entries${gone.length > 0 ? ` (${gone.join('; ')})` : ''}`;
  });
  const calls = Object.entries(reconciled).flatMap(([state, n]) => (n > 0 ? [`${n} ${state.replaceAll('_', ' ')}`] : []));
  const wrong = wrongIn(session);
  say(io, escapeHostileLine(`${sessionId}  ${connection}  ${[...parts, ...calls].join(', ')}  ${wrong === 0 ? 'verified' : `${wrong} findings`}`));
  for (const { vantage, findings } of logs) {
    for (const { code, index, message } of findings) {
      say(
        io,
        escapeHostileLine(
          `  ${vantage === 'forwarder' ? 'laptop’s log' : 'gateway’s log'}${index === undefined ? '' : `, entry ${index}`}: ${code}: ${message}`,
        ),
      );
    }
  }
}
