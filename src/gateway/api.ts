// The control API (protocol/control.ts) as a server: how bodies are read, how errors leave, and what anyone may ask.
import Fastify, { type FastifyInstance, type FastifyServerFactory } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { controlPaths, wellKnownSchema } from '../protocol/control.ts';
import { answerOf } from './api-errors.ts';
import { approvalPage } from './approval-routes.ts';
import { type ApiParts, protectedRoutes } from './routes.ts';
import { openTreeRoutes } from './witness-routes.ts';

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
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) void reply.headers(noStore);
  });
  openRoutes(app, parts);
  app.register(async (scope) => {
    // A witness is spoken to without a content type, or with any.
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    openTreeRoutes(scope, parts);
  });
  approvalPage(app, parts.publicUrl);
  protectedRoutes(app, parts);
  return app;
}

/** Open to anyone. */
function openRoutes(app: App, { config, publicUrl, policyState }: ApiParts): void {
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
  app.get(controlPaths.health, async () => ({ status: 'ok', policy: policyState() }));
}
