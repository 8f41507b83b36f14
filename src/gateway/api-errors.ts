// How an error leaves the control API: its HTTP status and a body of controlErrorSchema. What is our own fault is not described to callers.
import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { type ErrorCode, errorTable, McprecError } from '../base/errors.ts';
import type { controlErrorSchema } from '../protocol/control.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly code: ErrorCode;
  readonly body: z.infer<typeof controlErrorSchema>;
}

const statuses: Partial<Record<ErrorCode, number>> = {
  usage: 400,
  token_invalid: 401,
  proof_invalid: 401,
  connection_denied: 403,
  approval_refused: 403,
  approval_denied: 403,
  approval_too_many: 429,
  approval_closed: 409,
  device_refused: 403,
  not_found: 404,
  session_closed: 409,
  grant_ended: 410,
  grant_revoked: 410,
  journal_forked: 422,
  verify_failed: 422,
  note_invalid: 422,
  witness_rollback: 409,
  witness_missing: 503,
  provider_failed: 502,
  provider_unreachable: 503,
  journal_behind: 503,
  journal_full: 503,
  journal_locked: 503,
  journal_unwritable: 503,
};

/** The answer for anything that was thrown. Codes without a status of their own are faults of the gateway: 500, without details. */
export function answerOf(error: FastifyError | Error): ErrorAnswer {
  if (error instanceof McprecError) {
    const status = statuses[error.code];
    if (status !== undefined) return answer(status, error.code, error.message, error.remedy);
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [first] = error.validation;
    const where = first?.instancePath.slice(1).replaceAll('/', '.') || 'the request';
    return answer(400, 'usage', `${where}: ${first?.message ?? 'is not as the control API asks for'}`, 'use the same version of mcprec on both sides');
  }
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (status !== undefined && status >= 400 && status < 500) return answer(status, 'usage', error.message, 'use the same version of mcprec on both sides');
  return answer(500, 'gateway_failed', 'the gateway failed', errorTable.gateway_failed.remedy);
}

function answer(status: number, code: ErrorCode, message: string, remedy: string): ErrorAnswer {
  return { status, code, body: { error: { code, message, remedy } } };
}
