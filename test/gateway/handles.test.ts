// Whose a handle is, and what is known of an upstream's tasks, over a real store.
import { createSecretKey } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { Handles } from '../../src/gateway/handles.ts';
import { refuseForeignHandle } from '../../src/path/refuse.ts';
import { readMessages } from '../../src/path/request.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { makeRequest, makeRules } from '../support/rules.ts';
import { tempDir } from '../support/temp.ts';

test('an unknown task is an unknown method until the upstream has given a task to anybody, also after a restart', async () => {
  using dir = tempDir();
  const store = openSqliteStore(join(dir.path, 'gateway.db'), { clock: systemClock, random: systemRandom });
  const key = createSecretKey(Buffer.alloc(32, 1));
  const open = () => new Handles(key, store, systemClock);
  const [ada, ben] = ['ada', 'ben'].map((subject) => ({ connection: 'datadog', issuer: 'https://login.example.com', subject })) as [Owner, Owner];
  const task = { kind: 'task', value: 't1' } as const;
  const handles = open();
  expect(await handles.foreign([task], ada)).toEqual({ ...task, tasksGiven: false });
  await handles.bind([{ kind: 'cursor', value: 'c' }], ada);
  expect(await handles.foreign([task], ada)).toEqual({ ...task, tasksGiven: false });
  await handles.bind([task], ada);
  expect(await handles.foreign([task], ada)).toBeUndefined();
  expect(await open().foreign([task], ben)).toEqual({ ...task, tasksGiven: true });
  expect(await open().foreign([task], { ...ben, connection: 'other' })).toEqual({ ...task, tasksGiven: false });
  await store.close();
});

type Owner = Parameters<Handles['bind']>[1];

test.each([
  { era: 'modern', meta: '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}', tasksGiven: false, status: 404, code: -32601 },
  { era: 'legacy', meta: '{}', tasksGiven: false, status: 200, code: -32601 },
  { era: 'modern', meta: '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}', tasksGiven: true, status: 200, code: -32602 },
])('in the $era era, tasks given: $tasksGiven', ({ meta, tasksGiven, status, code }) => {
  const rules = makeRules();
  const request = makeRequest(rules, 'POST', `{"jsonrpc":"2.0","id":7,"method":"tasks/get","params":{"taskId":"t1","_meta":${meta}}}`);
  const read = readMessages(request);
  const { answer } = refuseForeignHandle(rules, request, read.kind === 'fault' ? [] : read.messages, { kind: 'task', value: 't1', tasksGiven });
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([status, { id: 7, error: { code } }]);
});
