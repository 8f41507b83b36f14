// The approvals part of the control API. Every route wants a caller: a link alone opens nothing.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { parseId } from '../base/ids.ts';
import {
  approvalDetailSchema,
  approvalPaths,
  approvalSummarySchema,
  approvalsQuerySchema,
  approvalsResponseSchema,
  approvalWaitSchema,
  refuseRequestSchema,
} from '../protocol/approvals.ts';
import type { Approvals } from './approvals.ts';
import type { Caller } from './tokens.ts';

export function approvalRoutes(app: FastifyInstance, approvals: Approvals, callerOf: (request: FastifyRequest) => Caller): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const idOf = (request: FastifyRequest): string => (request.params as { readonly id?: string }).id ?? '';
  const one = { schema: { response: { 200: approvalSummarySchema } } };
  routes.get(approvalPaths.approvals, { schema: { querystring: approvalsQuerySchema, response: { 200: approvalsResponseSchema } } }, async (request) => {
    const { all, limit } = request.query;
    return { approvals: [...(await approvals.list(callerOf(request), { all: all !== undefined, limit }))] };
  });
  routes.get(approvalPaths.approval(':id'), { schema: { querystring: approvalWaitSchema, response: { 200: approvalDetailSchema } } }, async (request) =>
    approvals.detail(callerOf(request), idOf(request), request.query.wait ?? 0),
  );
  routes.post(approvalPaths.approve(':id'), one, async (request) => approvals.approve(callerOf(request), idOf(request)));
  routes.post(approvalPaths.withdraw(':id'), one, async (request) => approvals.withdraw(callerOf(request), idOf(request)));
  routes.post(approvalPaths.refuse(':id'), { schema: { body: refuseRequestSchema, response: { 200: approvalSummarySchema } } }, async (request) =>
    approvals.refuse(callerOf(request), idOf(request), request.body.reason),
  );
}

/** What a link shows in a browser, to anyone: nothing of the approval, only how to look at it as oneself. */
export function approvalPage(app: FastifyInstance, publicUrl: string): void {
  app.get(approvalPaths.page(':id'), async (request, reply) => {
    const id = parseId('apr', (request.params as { readonly id?: string }).id ?? '');
    const command = id === undefined ? 'mcprec approvals' : `mcprec approvals show ${id} --gateway ${publicUrl}`;
    void reply.type('text/plain; charset=utf-8').header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    return `mcprec: somebody asks for an approval.\n\nTo look at it and to decide, run this where you are logged in:\n\n    ${command}\n`;
  });
}
