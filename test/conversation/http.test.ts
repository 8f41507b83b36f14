import { describe, expect, it } from 'vitest';
import { takeHttpCall } from '../../src/path/http.ts';
import { countingIds, makeRules } from '../support/rules.ts';

const rules = makeRules({ connection: { kind: 'http', paths: ['/api/*'] }, rules: [{ id: 'no-delete', effect: 'deny', methods: ['DELETE *'] }] });

function take(verb: string, target: string, body = '', headers: readonly string[] = []) {
  const { clock } = countingIds();
  return takeHttpCall(rules, {
    facts: { exchange: 'exc_0' as never, at: { wallMs: clock.wallMs(), monoUs: clock.monoUs() }, wire: Buffer.from(body), wireBytes: body.length },
    verb,
    target,
    headers: ['Content-Type', 'application/json', ...headers],
    body: Buffer.from(body),
  });
}

describe('a call on a connection of kind http', () => {
  it('is recorded masked and forwarded where its path is listed', () => {
    const step = take('POST', '/api/users?page=2', '{"email":"ada@example.com"}');
    expect(step.kind).toBe('forward');
    const [entry] = step.entries;
    expect(entry).toMatchObject({ kind: 'message', message: 'http', direction: 'up', names: { method: 'POST', uri: '/api/users?page=2' } });
    expect(Buffer.from(entry?.payload ?? []).toString()).toBe('{"email":"[email]"}');
  });

  it('is refused where its path is not listed, and where a rule denies it', () => {
    expect(take('GET', '/admin')).toMatchObject({ kind: 'answer', answer: { status: 403 }, entries: [{ kind: 'decision', decision: { effect: 'deny' } }] });
    expect(take('DELETE', '/api/users/1')).toMatchObject({ kind: 'answer', answer: { status: 403 }, entries: [{ decision: { rule: 'no-delete' } }] });
  });

  it('is refused where its path could be read in two ways', () => {
    expect(take('GET', '/api/../admin')).toMatchObject({
      kind: 'answer',
      answer: { status: 400 },
      entries: [{ message: 'opaque', decision: { rule: 'protocol' } }],
    });
  });

  it.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'X-Original-URL', 'X-Rewrite-URL'])(
    'is refused where %s asks for another',
    (name) => {
      expect(take('POST', '/api/users/1', '', [name, 'DELETE'])).toMatchObject({
        kind: 'answer',
        answer: { status: 400 },
        entries: [{ decision: { rule: 'protocol' } }],
      });
    },
  );

  it('keeps length and MAC of a body that is not text', () => {
    const { clock } = countingIds();
    const body = Buffer.from([0xff, 0xfe, 0x00]);
    const step = takeHttpCall(rules, {
      facts: { exchange: 'exc_0' as never, at: { wallMs: clock.wallMs(), monoUs: clock.monoUs() }, wire: body, wireBytes: 3 },
      verb: 'POST',
      target: '/api/blob',
      headers: [],
      body,
    });
    expect(step.kind).toBe('forward');
    expect(step.entries[0]).toMatchObject({ wireBytes: 3, mac: expect.any(Uint8Array) });
    expect(step.entries[0]?.payload).toBeUndefined();
  });
});
