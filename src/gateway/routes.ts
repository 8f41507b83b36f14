// The routes of the control API that want a caller: who calls is known before a body is read. What they do is elsewhere.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { type IdKinds, parseId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { connectionAccess } from '../policy/access.ts';
import type { GatewayConfig } from '../policy/config.ts';
import { grantPendingSchema } from '../protocol/approvals.ts';
import {
  closeRequestSchema,
  connectionsResponseSchema,
  controlPaths,
  eraseRequestSchema,
  grantRequestSchema,
  grantResponseSchema,
  reconciliationSchema,
  renewResponseSchema,
  revokeRequestSchema,
  sessionSummarySchema,
  sessionsQuerySchema,
  sessionsResponseSchema,
} from '../protocol/control.ts';
import type { Store } from '../store/store.ts';
import { approvalRoutes } from './approval-routes.ts';
import type { Approvals } from './approvals.ts';
import { streamEvents } from './event-stream.ts';
import { endEvent, type SessionEvents } from './events.ts';
import type { Grants } from './grants.ts';
import { logRoutes } from './log-routes.ts';
import { ownedBy, refuseEnded, seen } from './ownership.ts';
import { reconcileHeld } from './reconcile.ts';
import type { Removals } from './removals.ts';
import type { Sequencer } from './sequencer.ts';
import { summaryOf } from './summaries.ts';
import type { Caller, Tokens } from './tokens.ts';
import type { Witness } from './witness.ts';
import { auditRoutes } from './witness-routes.ts';

export interface ApiParts {
  readonly config: GatewayConfig;
  readonly publicUrl: string;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly grants: Grants;
  readonly approvals: Approvals;
  readonly events: SessionEvents;
  readonly witness: Witness;
  readonly sequencer: Sequencer;
  readonly removals: Pick<Removals, 'erase'>;
  /** `refused` where the file that was read last has a problem, and the policy before it is in force. */
  readonly policyState: () => 'current' | 'refused';
  readonly clock: Clock;
  readonly logger: Logger;
}

const callers = new WeakMap<FastifyRequest, Caller>();

/** All routes but those that are open to anyone. */
export function protectedRoutes(app: FastifyInstance, parts: ApiParts): void {
  app.register(async (scope) => {
    // Before the body: nobody unknown gets to send one.
    scope.addHook('onRequest', async (request) => {
      const { authorization, dpop } = request.headers;
      const url = `${parts.publicUrl}${request.url}`;
      callers.set(request, await parts.tokens.identify({ method: request.method, url, authorization, dpop: typeof dpop === 'string' ? dpop : undefined }));
    });
    grantRoutes(scope, parts);
    sessionRoutes(scope, parts);
    const mayAudit = (request: FastifyRequest): void => {
      if (!callerOf(request).admin) throw new McprecError('not_found', 'there is no such address');
    };
    logRoutes(scope, { ...parts, callerOf, mayAudit });
    approvalRoutes(scope, parts.approvals, callerOf);
    auditRoutes(scope, parts, mayAudit);
  });
}

function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (caller === undefined) throw new McprecError('bug', 'a route was reached without a caller');
  return caller;
}

function idOf<K extends keyof IdKinds>(kind: K, request: FastifyRequest, what: string): IdKinds[K] {
  const { id = '' } = request.params as { readonly id?: string };
  const parsed = parseId(kind, id);
  if (parsed === undefined) throw new McprecError('not_found', `there is no such ${what}`);
  return parsed;
}

function grantRoutes(app: FastifyInstance, parts: ApiParts): void {
  const { grants, config } = parts;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const answers = { 201: grantResponseSchema, 202: grantPendingSchema };
  routes.post(controlPaths.grants, { schema: { body: grantRequestSchema, response: answers } }, async (request, reply) => {
    const made = await grants.create(callerOf(request), request.body);
    return 'approval' in made ? reply.code(202).send(made) : reply.code(201).send(made);
  });
  routes.post(controlPaths.renewGrant(':id'), { schema: { response: { 200: renewResponseSchema } } }, async (request) => {
    const caller = callerOf(request);
    return grants.renew(caller, idOf('grt', request, 'grant'));
  });
  routes.delete(controlPaths.grant(':id'), { schema: { body: revokeRequestSchema.nullish(), response: { 200: sessionSummarySchema } } }, async (request) => {
    const caller = callerOf(request);
    return summaryOf(await grants.revoke(caller, idOf('grt', request, 'grant'), request.body?.reason));
  });
  routes.get(controlPaths.connections, { schema: { response: { 200: connectionsResponseSchema } } }, async (request) => {
    const { identity } = callerOf(request);
    const entries = Object.entries(config.connections);
    return {
      connections: entries.map(([name, { kind }]) => ({
        name,
        kind,
        allowed: connectionAccess(config, identity.groups, name, parts.clock.wallMs()).kind === 'granted',
      })),
    };
  });
}

function sessionRoutes(app: FastifyInstance, parts: ApiParts): void {
  const { store, grants, events, removals, config } = parts;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.get(controlPaths.sessions, { schema: { querystring: sessionsQuerySchema, response: { 200: sessionsResponseSchema } } }, async (request) => {
    const { identity, admin } = callerOf(request);
    const { limit = limits.sessionsListMax, before, mine } = request.query;
    const everyone = admin && mine === undefined;
    const found = await store.sessions({
      limit: Math.min(limit, limits.sessionsListMax),
      ...(before !== undefined && { beforeMs: before }),
      ...(!everyone && { owner: identity }),
    });
    return { sessions: found.map(summaryOf) };
  });
  routes.get(controlPaths.session(':id'), { schema: { response: { 200: sessionSummarySchema } } }, async (request) => summaryOf(await visible(request)));
  routes.get(controlPaths.reconcileSession(':id'), { schema: { response: { 200: reconciliationSchema } } }, async (request) => {
    const { counts, exchanges } = await reconcileHeld(store, await visible(request));
    return { counts: { ...counts }, exchanges: [...exchanges] };
  });
  routes.post(controlPaths.closeSession(':id'), { schema: { body: closeRequestSchema, response: { 200: sessionSummarySchema } } }, async (request) => {
    const caller = callerOf(request);
    return summaryOf(await grants.close(caller, idOf('ses', request, 'session'), request.body));
  });
  routes.post(controlPaths.eraseSession(':id'), { schema: { body: eraseRequestSchema, response: { 200: sessionSummarySchema } } }, async (request) => {
    const { admin, identity } = callerOf(request);
    const { sessionId } = await visible(request);
    if (!admin && !config.retention.ownersErase)
      throw new McprecError('connection_denied', 'only administrators may erase sessions at this gateway', { remedy: 'ask one of them' });
    await removals.erase(sessionId, { reason: request.body.reason, by: identity.email ?? identity.subject });
    return summaryOf(seen(await store.session(sessionId), 'session'));
  });
  app.get(controlPaths.sessionEvents(':id'), async (request, reply) => {
    const caller = callerOf(request);
    const session = ownedBy(caller, await store.session(idOf('ses', request, 'session')), 'session');
    refuseEnded(session);
    // Whoever comes back after a break, or a restart with another policy, learns what holds now.
    const policy = await grants.policyOf(session);
    reply.hijack();
    streamEvents(reply.raw, { sessionId: session.sessionId, first: policy, events });
    // It may have ended between the look at it and the first moment of following.
    const later = await store.session(session.sessionId);
    if (later !== undefined && later.state !== 'open') events.publish(later.sessionId, endEvent(later.state, later.endReason));
  });

  async function visible(request: FastifyRequest) {
    const caller = callerOf(request);
    const session = await store.session(idOf('ses', request, 'session'));
    return caller.admin ? seen(session, 'session') : ownedBy(caller, session, 'session');
  }
}
