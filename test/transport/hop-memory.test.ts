// Ids in flight within one MCP session (RULES R7).
import { expect, test } from 'vitest';
import { type ClientMessages, readClientBody } from '../../src/protocol/message.ts';
import { HopMemory } from '../../src/transport/hop-memory.ts';

const JSON_TYPE = ['Content-Type', 'application/json'];
const messages = (text: string) => (readClientBody(Buffer.from(text), JSON_TYPE) as ClientMessages).messages;
const ping = (...ids: string[]) => messages(`[${ids.map((id) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`).join()}]`);

test('an id is taken until it is released, however it is written', () => {
  const memory = new HopMemory();
  const first = memory.claim('s', ping('1', '"a"'));
  expect(first.kind).toBe('claimed');
  for (const id of ['1', '1.0', '1e0', '"a"', '"\\u0061"']) expect(memory.claim('s', ping(id))).toEqual({ kind: 'taken', idLexeme: id });
  expect(memory.claim('s', ping('"1"')).kind).toBe('claimed');
  expect(memory.claim('other', ping('1')).kind).toBe('claimed');
  if (first.kind === 'claimed') first.release();
  expect(memory.claim('s', ping('1')).kind).toBe('claimed');
});

test('numbers that JavaScript cannot tell apart are told apart', () => {
  const memory = new HopMemory();
  expect(memory.claim('s', ping('9007199254740992')).kind).toBe('claimed');
  expect(memory.claim('s', ping('9007199254740993')).kind).toBe('claimed');
});

test('a body of which one id is taken claims none of its others', () => {
  const memory = new HopMemory();
  memory.claim('s', ping('2'));
  expect(memory.claim('s', ping('1', '2')).kind).toBe('taken');
  expect(memory.claim('s', ping('1')).kind).toBe('claimed');
});

test('without a session, and for what is no request, nothing is claimed', () => {
  const memory = new HopMemory();
  const answer = messages('{"jsonrpc":"2.0","id":1,"result":{}}');
  for (const [session, some] of [
    [undefined, ping('1')],
    ['s', answer],
  ] as const) {
    expect(memory.claim(session, some).kind).toBe('claimed');
    expect(memory.claim(session, some).kind).toBe('claimed');
  }
});
