// Requests whose answers may come on another stream, because their own broke off.
import { expect, test } from 'vitest';
import { newId } from '../../src/base/ids.ts';
import { limits } from '../../src/base/limits.ts';
import { SentRequests } from '../../src/transport/sent-requests.ts';
import { makeRules } from '../support/rules.ts';

const rules = makeRules();
const masking = rules.maskingOf(undefined);
const exchangeOf = (...ids: string[]) => ({
  exchange: newId('exc', rules.ids),
  masking,
  requests: ids.map((idLexeme) => ({ idLexeme, method: 'tools/call', masking })),
});

test('a request is found in its session, however its id is written, and once it is answered it says so', () => {
  const sent = new SentRequests();
  const first = exchangeOf('1', '"a"');
  sent.remember('s', first);
  expect(sent.find('s', '1.0')).toMatchObject({ exchange: first.exchange, isAnswered: false });
  expect([sent.find('other', '1'), sent.find('s', '"1"')]).toEqual([undefined, undefined]);
  sent.answered('s', '"\\u0061"');
  expect([sent.find('s', '"a"')?.isAnswered, sent.find('s', '1')?.isAnswered]).toEqual([true, false]);
});

test('what came to its end for good is forgotten', () => {
  const sent = new SentRequests();
  const [first, again] = [exchangeOf('1'), exchangeOf('1')];
  sent.remember('s', first);
  sent.forget('s', first);
  sent.remember('s', again);
  sent.forget('s', first);
  expect(sent.find('s', '1')).toMatchObject({ exchange: again.exchange, isAnswered: false });
});

test.each([false, true])('of two requests with one id nobody knows which is answered; the first was answered before: %s', (isAnswered) => {
  const sent = new SentRequests();
  const [older, newer] = [exchangeOf('1'), exchangeOf('1')];
  sent.remember('s', older);
  if (isAnswered) sent.answered('s', '1');
  sent.remember('s', newer);
  expect(sent.find('s', '1')).toBeUndefined();
  sent.answered('s', '1');
  sent.forget('s', newer);
  expect(sent.find('s', '1')).toBeUndefined();
  sent.remember('s', exchangeOf('1'));
  expect(sent.find('s', '1')).toBeUndefined();
});

test('the oldest give way', () => {
  const sent = new SentRequests();
  for (let id = 0; id <= limits.sentRequestsMax; id++) sent.remember('s', exchangeOf(String(id)));
  expect([sent.find('s', '0'), sent.find('s', '1')?.request.idLexeme]).toEqual([undefined, '1']);
});
