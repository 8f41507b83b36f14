// `mcprec sessions list --gateway` and `show --gateway`: the sessions that a gateway knows of, what came of the laptops' records, and how both sides compare.
import { McprecError } from '../base/errors.ts';
import { parseId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { type GatewayIdentity, openIdentity } from '../identity/gateway-identity.ts';
import { controlPaths, type Reconciled, reconciliationSchema, type SessionSummary, sessionSummarySchema, sessionsResponseSchema } from '../protocol/control.ts';
import { table } from '../tui/columns.ts';
import { countText, durationText, shortIds, timeText } from '../tui/words.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions } from './login.ts';
import { sayFacts } from './paint.ts';

interface GatewayFlags extends SecretFlags {
  readonly gateway: string;
  readonly json?: boolean | undefined;
}

type Shown = SessionSummary & { readonly reconciled: Reconciled['counts'] };

const AT_ONCE = 4;

/** Lists the newest `limit` sessions that the caller may see there: the own ones, or everyone's. Throws `login_required` and what the gateway says. */
export async function listAtGateway(options: GatewayFlags & { readonly limit: number }, io: Io): Promise<void> {
  await using identity = await open(options, io);
  const answer = await identity.request('GET', `${controlPaths.sessions}?limit=${Math.min(options.limit, limits.sessionsListMax)}`, { signal: io.signal });
  const { sessions } = sessionsResponseSchema.parse(answer.json());
  const shown: Shown[] = [];
  for (let from = 0; from < sessions.length; from += AT_ONCE)
    shown.push(...(await Promise.all(sessions.slice(from, from + AT_ONCE).map((session) => withReconciled(identity, session, io)))));
  if (options.json) return sayJson(io, { gateway: identity.gateway, sessions: shown });
  if (shown.length === 0) return note(io, `${identity.gateway} knows of no session of yours`);
  const ids = shortIds(shown.map(({ sessionId }) => sessionId));
  const rows = shown.map((session, i) => [
    ids[i] ?? session.sessionId,
    timeText(session.openedAtMs),
    session.connection,
    session.identity.email ?? session.identity.subject,
    session.state,
    String(session.calls),
    String(session.denied),
    session.removed === undefined ? laptopText(session) : `${laptopText(session)}, ${removedWords[session.removed]}`,
    countsText(session.reconciled),
  ]);
  const head = ['SESSION', 'OPENED (UTC)', 'CONNECTION', 'WHO', 'STATE', 'CALLS', 'DENIED', 'LAPTOP’S RECORD', 'RECONCILED'];
  for (const line of table(head, rows, ['left', 'left', 'left', 'left', 'left', 'right', 'right', 'left', 'left'])) say(io, line);
}

/** Shows one of them, and the exchanges that do not match. Throws `not_found`, `id_ambiguous`. */
export async function showAtGateway(idPrefix: string, options: GatewayFlags, io: Io): Promise<void> {
  await using identity = await open(options, io);
  const session = await findAtGateway(identity, idPrefix, io);
  const { counts, exchanges } = await reconciled(identity, session.sessionId, io);
  const differing = exchanges.filter(({ state }) => state !== 'matched');
  if (options.json) return sayJson(io, { gateway: identity.gateway, session, reconciled: { counts, exchanges: differing } });
  const { openedAtMs, closedAtMs } = session;
  sayFacts(io, [
    ['session', session.sessionId],
    ['who', session.identity.email ?? session.identity.subject],
    ['connection', `${session.connection}, at ${identity.gateway}`],
    ...(session.reason === undefined ? [] : [['reason', session.reason] as const]),
    ['opened', `${timeText(openedAtMs)} UTC, ${session.state} after ${durationText(Math.max(0, (closedAtMs ?? io.clock.wallMs()) - openedAtMs))}`],
    ['counts', `${countText(session.calls, 'call')}, ${session.denied} denied`],
    ...session.logs.map(
      ({ vantage, logId, size }) => [vantage === 'forwarder' ? 'laptop’s log' : 'own log', `${logId}, ${countText(size, 'entry', 'entries')}`] as const,
    ),
    ['laptop', laptopText(session)],
    ...(session.removed === undefined ? [] : [['contents', removedWords[session.removed]] as const]),
    ['reconciled', countsText(counts)],
    ...differing.map(({ exchange, state, why }) => [wordOf(state), `${exchange}${why === undefined ? '' : `: ${why}`}`] as const),
  ]);
}

const laptopWords = {
  complete: 'complete',
  partial: 'partial: the rest never came',
  pending: 'not come yet',
  missing: 'missing: it never came',
} as const satisfies Record<SessionSummary['laptop'], string>;

/** Of an open session the rest is still to come. */
function laptopText({ laptop, state }: SessionSummary): string {
  return laptop === 'partial' && state === 'open' ? 'partial so far' : laptopWords[laptop];
}

const removedWords = { erasure: 'erased, authorised', retention: 'pruned' } as const;

function open(options: GatewayFlags, io: Io): Promise<GatewayIdentity> {
  return openIdentity({ ...secretOptions(options, io), gateway: options.gateway, clock: io.clock, random: io.random });
}

/** The session there whose id begins so. Throws `not_found`, `id_ambiguous`, and what the gateway says. */
export async function findAtGateway(identity: GatewayIdentity, idPrefix: string, io: Io): Promise<SessionSummary> {
  if (parseId('ses', idPrefix) !== undefined)
    return sessionSummarySchema.parse((await identity.request('GET', controlPaths.session(idPrefix), { signal: io.signal })).json());
  const prefix = idPrefix.startsWith('ses_') ? idPrefix : `ses_${idPrefix}`;
  const { sessions } = sessionsResponseSchema.parse((await identity.request('GET', controlPaths.sessions, { signal: io.signal })).json());
  const [found, second] = sessions.filter(({ sessionId }) => sessionId.startsWith(prefix));
  if (found === undefined)
    throw new McprecError('not_found', `no session of the newest ${limits.sessionsListMax} there begins with ${idPrefix}`, {
      remedy: `list them with: mcprec sessions list --gateway ${identity.gateway}`,
    });
  if (second !== undefined) throw new McprecError('id_ambiguous', `more than one session begins with ${idPrefix}`);
  return found;
}

async function withReconciled(identity: GatewayIdentity, session: SessionSummary, io: Io): Promise<Shown> {
  return { ...session, reconciled: (await reconciled(identity, session.sessionId, io)).counts };
}

async function reconciled(identity: GatewayIdentity, sessionId: string, io: Io): Promise<Reconciled> {
  return reconciliationSchema.parse((await identity.request('GET', controlPaths.reconcileSession(sessionId), { signal: io.signal })).json());
}

function countsText(counts: Reconciled['counts']): string {
  const parts = Object.entries(counts).flatMap(([state, n]) => (n > 0 ? [`${n} ${wordOf(state)}`] : []));
  return parts.length === 0 ? 'no calls' : parts.join(', ');
}

function wordOf(state: string): string {
  return state.replaceAll('_', ' ');
}
