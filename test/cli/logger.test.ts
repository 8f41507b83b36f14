// The log of the gateway: what an error's text quotes from a call is masked, what an operator needs stays.
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { McprecError } from '../../src/base/errors.ts';
import type { Io } from '../../src/cli/io.ts';
import { openLogger } from '../../src/cli/logger.ts';

test('masks errors with their causes, and fields', () => {
  const stderr = new PassThrough();
  const logger = openLogger({ stderr } as unknown as Io, 'info');
  const cause = new Error('postgres://app:hunter2-correct@10.1.2.3/db: jo.doe@example.com is unknown');
  logger.error({ err: new McprecError('gateway_failed', 'card 4111111111111111 was refused', { cause }), token: 'abcdefgh1234' }, 'for jo.doe@example.com');
  const line = String(stderr.read());
  expect(line).not.toMatch(/hunter2|jo\.doe|4111111111111111|abcdefgh1234/);
  expect(JSON.parse(line)).toMatchObject({
    level: 50,
    msg: 'for [email]',
    token: '[secret:key]',
    err: { code: 'gateway_failed', message: 'card [card] was refused', cause: { message: 'postgres://app:[secret:url]@10.1.2.3/db: [email] is unknown' } },
  });
});
