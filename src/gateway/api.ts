// The routes of the control API (protocol/control.ts). Each says who may call it; what it does is elsewhere.
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerFactory } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { McprecError } from '../base/errors.ts';
import { type IdKinds, parseId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import { connectionAccess } from '../policy/access.ts';
import type { GatewayConfig } from '../policy/config.ts';
import {
  closeRequestSchema,
  connectionsResponseSchema,
  controlPaths,
  grantRequestSchema,
  grantResponseSchema,
  logStateSchema,
  renewResponseSchema,
  revokeRequestSchema,
  sessionSummarySchema,
  sessionsQuerySchema,
  sessionsResponseSchema,
  wellKnownSchema,
} from '../protocol/control.ts';
import type { Store } from '../store/store.ts';
import { answerOf } from './api-errors.ts';
import { streamEvents } from './event-stream.ts';
import type { SessionEvents } from './events.ts';
import { type Grants, ownedBy, refuseEnded, seen } from './grants.ts';
import { stateOf, summaryOf } from './summaries.ts';
import type { Caller, Tokens } from './tokens.ts';
import { readUpload } from './uploads.ts';

export interface ApiParts {
  readonly config: GatewayConfig;
  readonly publicUrl: string;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly grants: Grants;
  readonly events: SessionEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

type App = FastifyInstance;
const noStore = { 'cache-control': 'no-store' };

/** The API on a server that `serverFactory` makes; not listening yet. */
export function buildApi(parts: ApiParts, serverFactory: FastifyServerFactory): App {
  const app = Fastify({ serverFactory, bodyLimit: limits.controlBytesMax, forceCloseConnections: true, logger: false, routerOptions: { maxParamLength: 200 } });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.addContentTypeParser('application/cbor', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error: Error, request, reply) => {
    const { status, code, body } = answerOf(error);
    if (status >= 500) parts.logger.error({ route: request.routeOptions.url, code, err: error }, 'control call failed');
    else parts.logger.info({ route: request.routeOptions.url, code, status }, 'control call refused');
    if (status === 401) void reply.header('www-authenticate', 'DPoP error="invalid_token"');
    return reply.code(status).headers(noStore).send(body);
  });
  app.setNotFoundHandler((_request, reply) => {
    const { status, body } = answerOf(
      new McprecError('not_found', 'the gateway has no such address', { remedy: 'use the same version of mcprec on both sides' }),
    );
    return reply.code(status).send(body);
  });
  // Answers of the API name people and hold tokens: no cache may keep them.
  app.addHook('onSend', async (_request, reply) => void reply.headers(noStore));
  openRoutes(app, parts);
  grantRoutes(app, parts);
  sessionRoutes(app, parts);
  logRoutes(app, parts);
  return app;
}

function identify({ tokens, publicUrl }: ApiParts, request: FastifyRequest): Promise<Caller> {
  const { authorization, dpop } = request.headers;
  return tokens.identify({ method: request.method, url: `${publicUrl}${request.url}`, authorization, dpop: typeof dpop === 'string' ? dpop : undefined });
}

function idOf<K extends keyof IdKinds>(kind: K, request: FastifyRequest, what: string): IdKinds[K] {
  const { id = '' } = request.params as { readonly id?: string };
  const parsed = parseId(kind, id);
  if (parsed === undefined) throw new McprecError('not_found', `there is no such ${what}`);
  return parsed;
}

/** Open to anyone. */
function openRoutes(app: App, { config, publicUrl }: ApiParts): void {
  const { issuer, clientId, scopes, audience } = config.identity;
  const known = { mcprec: 1 as const, gateway: publicUrl, issuer, clientId, scopes: [...scopes], audience };
  app.withTypeProvider<ZodTypeProvider>().get(controlPaths.wellKnown, { schema: { response: { 200: wellKnownSchema } } }, async () => known);
  // RFC 9728: where an MCP client that gets our 401 finds out that this is a resource server of its own.
  app.get('/.well-known/oauth-protected-resource', async () => ({
    resource: publicUrl,
    authorization_servers: [issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
  }));
  app.get(controlPaths.health, async () => ({ status: 'ok' }));
}

function grantRoutes(app: App, parts: ApiParts): void {
  const { grants, config } = parts;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.post(controlPaths.grants, { schema: { body: grantRequestSchema, response: { 201: grantResponseSchema } } }, async (request, reply) =>
    reply.code(201).send(await grants.create(await identify(parts, request), request.body)),
  );
  routes.post(controlPaths.renewGrant(':id'), { schema: { response: { 200: renewResponseSchema } } }, async (request) => {
    const caller = await identify(parts, request);
    return grants.renew(caller, idOf('grt', request, 'grant'));
  });
  routes.delete(controlPaths.grant(':id'), { schema: { body: revokeRequestSchema.nullish(), response: { 200: sessionSummarySchema } } }, async (request) => {
    const caller = await identify(parts, request);
    return summaryOf(await grants.revoke(caller, idOf('grt', request, 'grant'), request.body?.reason));
  });
  routes.get(controlPaths.connections, { schema: { response: { 200: connectionsResponseSchema } } }, async (request) => {
    const { identity } = await identify(parts, request);
    const entries = Object.entries(config.connections);
    return { connections: entries.map(([name, { kind }]) => ({ name, kind, allowed: connectionAccess(config, identity.groups, name).kind === 'granted' })) };
  });
}

function sessionRoutes(app: App, parts: ApiParts): void {
  const { store, grants, events } = parts;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.get(controlPaths.sessions, { schema: { querystring: sessionsQuerySchema, response: { 200: sessionsResponseSchema } } }, async (request) => {
    const { identity, admin } = await identify(parts, request);
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
  routes.post(controlPaths.closeSession(':id'), { schema: { body: closeRequestSchema, response: { 200: sessionSummarySchema } } }, async (request) => {
    const caller = await identify(parts, request);
    return summaryOf(await grants.close(caller, idOf('ses', request, 'session'), request.body));
  });
  app.get(controlPaths.sessionEvents(':id'), async (request, reply) => {
    const caller = await identify(parts, request);
    const session = ownedBy(caller, await store.session(idOf('ses', request, 'session')), 'session');
    refuseEnded(session);
    reply.hijack();
    streamEvents(reply.raw, session.sessionId, events);
  });

  async function visible(request: FastifyRequest) {
    const caller = await identify(parts, request);
    const session = await store.session(idOf('ses', request, 'session'));
    return caller.admin ? seen(session, 'session') : ownedBy(caller, session, 'session');
  }
}

function logRoutes(app: App, parts: ApiParts): void {
  const { store } = parts;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.get(controlPaths.log(':id'), { schema: { response: { 200: logStateSchema } } }, async (request) => {
    const caller = await identify(parts, request);
    return stateOf(await readable(caller, request));
  });
  app.post(controlPaths.logEntries(':id'), { bodyLimit: limits.uploadBytesMax }, async (request, reply) => {
    const caller = await identify(parts, request);
    const log = await readable({ ...caller, admin: false }, request);
    if (!Buffer.isBuffer(request.body)) throw new McprecError('usage', 'an upload is application/cbor');
    const outcome = await store.ingest(log.logId, await readUpload(request.body, request.headers['content-encoding']), parts.clock.wallMs());
    switch (outcome.kind) {
      case 'stored':
        return stateOf(outcome.log);
      case 'conflict':
        return reply.code(409).send(stateOf(outcome.log));
      case 'unknown':
        throw new McprecError('not_found', 'there is no such log');
      case 'forked':
        throw new McprecError('journal_forked', `the log contradicts what the gateway holds of it: ${outcome.reason}`);
      case 'invalid':
        throw new McprecError('verify_failed', `the upload does not verify: ${outcome.reason}`);
      default:
        return outcome satisfies never;
    }
  });

  async function readable(caller: Caller, request: FastifyRequest) {
    const log = await store.log(idOf('log', request, 'log'));
    const session = log === undefined ? undefined : await store.session(log.sessionId);
    if (log === undefined || session === undefined) throw new McprecError('not_found', 'there is no such log');
    if (!caller.admin) ownedBy(caller, session, 'session');
    return log;
  }
}
