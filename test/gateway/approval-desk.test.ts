// Two people who decide at the same moment, on a real store: whoever was second is told so.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pino from 'pino';
import { expect, test } from 'vitest';
import { newId } from '../../src/base/ids.ts';
import { markMasked } from '../../src/base/masked.ts';
import { ApprovalDesk } from '../../src/gateway/approval-desk.ts';
import { SessionEvents } from '../../src/gateway/events.ts';
import { Webhooks } from '../../src/gateway/webhooks.ts';
import { compileMasker } from '../../src/mask/compile.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { ids, startMs } from '../contract/fixtures.ts';
import { tempDir } from '../support/temp.ts';

const person = (subject: string) => ({ issuer: 'https://login.example', subject });

test('of an approval and a refusal at the same moment one holds, and the other is told so', async () => {
  using directory = tempDir();
  const store = openSqliteStore(join(directory.path, 'gateway.db'), ids);
  const masker = compileMasker({ detectors: [], fields: [] });
  const webhooks = new Webhooks({ hooks: [], store, ids, masker, logger: pino({ enabled: false }) });
  const desk = new ApprovalDesk({ store, ids, masker, webhooks, events: new SessionEvents(), publicUrl: 'https://gateway.example', machineOwners: () => ({}) });
  const approvalId = newId('apr', ids);
  await desk.open({
    approvalId,
    kind: 'grant',
    connection: 'datadog',
    requester: person('maya'),
    rule: 'r',
    ruleDigest: Buffer.alloc(32, 1),
    binding: randomBytes(32),
    approvers: ['leads'],
    min: 1,
    shown: markMasked('{"reason":"r"}'),
    requestedMs: startMs,
    expiresMs: startMs + 600_000,
  });
  const said = await Promise.allSettled([desk.vote(approvalId, person('ada')), desk.refuse(approvalId, person('bob'), 'no')]);
  const state = (await store.approval(approvalId))?.state;
  expect(said.flatMap((one) => (one.status === 'fulfilled' ? [one.value.state] : []))).toEqual([state]);
  expect(said.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'approval_closed' } });
  await store.close();
});
