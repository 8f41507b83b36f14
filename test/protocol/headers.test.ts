import { describe, expect, test } from 'vitest';
import {
  decodeMcpHeader,
  forwardedAnswerHeaders,
  forwardedRequestHeaders,
  headersForRecord,
  headersOfChanged,
  headerValue,
  headerValues,
  isEventStream,
  isJsonType,
  isUtf8Type,
} from '../../src/protocol/headers.ts';

const solo = { credentials: 'keep', identityCoding: false } as const;
const shared = { credentials: 'drop', identityCoding: false } as const;

describe('from client to upstream (R1)', () => {
  test('names that CGI reads as ours or as a credential go where the upstream is shared', () => {
    const headers = ['Mcp_Session_Id', 'x', 'mcprec_session', 'x', 'DD_API-KEY', 'x', 'Last_Event-Id', 'x', 'X_Own', 'y'];
    expect(forwardedRequestHeaders(headers, shared)).toEqual(['X_Own', 'y']);
  });

  test('order, case and repeats stay; hop-by-hop headers, Host, Content-Length and ours go', () => {
    const headers = [
      ...['Host', 'x', 'ACCEPT', 'a', 'x-Two', '1', 'Connection', 'keep-alive, X-Gone', 'X-Two', '2', 'x-gone', '1', 'Keep-Alive', 't'],
      ...['Content-Length', '5', 'Transfer-Encoding', 'chunked', 'TE', 'trailers', 'Upgrade', 'h2c', 'Expect', '100-continue', 'Mcprec-Session', 's'],
      ...['Proxy-Authorization', 'p', 'Mcp-Session-Id', 'abc', 'X-Empty', ''],
    ];
    expect(forwardedRequestHeaders(headers, solo)).toEqual(['ACCEPT', 'a', 'x-Two', '1', 'X-Two', '2', 'Mcp-Session-Id', 'abc', 'X-Empty', '']);
  });

  test('the client’s credential goes only where it is the only one', () => {
    const headers = ['Authorization', 'Bearer a', 'DD-API-KEY', 'k', 'dd_application_key', 'k', 'Cookie', 'c', 'X-Api-Key', 'k', 'DPoP', 'p', 'Accept', '*/*'];
    expect(forwardedRequestHeaders(headers, shared)).toEqual(['Accept', '*/*']);
    expect(forwardedRequestHeaders(headers, solo)).toEqual(headers);
  });

  test('an answer that will be read to be changed is asked for unpacked', () => {
    expect(forwardedRequestHeaders(['Accept-Encoding', 'gzip', 'A', 'b'], { ...solo, identityCoding: true })).toEqual([
      'A',
      'b',
      'Accept-Encoding',
      'identity',
    ]);
  });

  test('Connection cannot take away what says how the body is read', () => {
    const headers = [
      'Connection',
      'content-type, Content-Encoding, Mcp-Method',
      'Content-Type',
      'application/json',
      'Content-Encoding',
      'gzip',
      'Mcp-Method',
      'm',
    ];
    expect(forwardedRequestHeaders(headers, solo)).toEqual(headers.slice(2));
  });
});

describe('from upstream to client', () => {
  const headers = ['Date', 'd', 'set-cookie', 'a=1', 'Set-Cookie', 'b=2', 'Transfer-Encoding', 'chunked', 'Mcprec-Refused', 'x', 'ETag', '"1"'];

  test('cookies belong to whose credential it is', () => {
    expect(forwardedAnswerHeaders(headers, { credentials: 'drop' })).toEqual(['Date', 'd', 'ETag', '"1"']);
    expect(forwardedAnswerHeaders(headers, { credentials: 'keep' })).toEqual(['Date', 'd', 'set-cookie', 'a=1', 'Set-Cookie', 'b=2', 'ETag', '"1"']);
  });

  test('of a changed body, the length is mended where it stood and what speaks of the old bytes goes', () => {
    const answer = ['A', '1', 'content-length', '10', 'ETag', 'x', 'Content-Encoding', 'gzip', 'Repr-Digest', 'y', 'B', '2'];
    expect(headersOfChanged(answer, 7)).toEqual(['A', '1', 'content-length', '7', 'B', '2']);
    expect(headersOfChanged(answer, undefined)).toEqual(['A', '1', 'B', '2']);
  });
});

test('lookup ignores case and finds repeats', () => {
  const headers = ['X-A', '1', 'x-a', '2', 'X-B', '3'];
  expect(headerValue(headers, 'x-a')).toBe('1');
  expect(headerValues(headers, 'x-a')).toEqual(['1', '2']);
  expect(headerValue(headers, 'x-c')).toBeUndefined();
});

test('what is recorded of headers: no credential, no handle, parameters decoded', () => {
  const headers = [
    'Authorization',
    'a',
    'Cookie',
    'c',
    'Mcp-Session-Id',
    's',
    'Last-Event-ID',
    'e',
    'User-Agent',
    'u',
    'Mcp-Param-City',
    '=?base64?w7xiZXI=?=',
  ];
  expect(headersForRecord(headers)).toEqual({ 'user-agent': 'u', 'mcp-param-city': 'über' });
});

test('Mcp-Name and Mcp-Param-* are decoded', () => {
  expect(decodeMcpHeader('plain')).toBe('plain');
  expect(decodeMcpHeader('=?base64?YQ==?=')).toBe('a');
  expect(decodeMcpHeader('=?base64?/w==?=')).toBeUndefined();
});

test.each([
  ['application/json', true],
  ['Application/JSON; charset=utf-8', true],
  ['application/vnd.x+json', true],
  ['text/plain', false],
  ['application/jsonp', false],
  ['text/plain; a=application/json', false],
  [undefined, false],
])('%s is JSON: %s', (type, is) => {
  expect(isJsonType(type)).toBe(is);
});

test.each([
  ['application/json', true],
  ['application/json; charset=UTF-8', true],
  ['application/json;charset="utf-8"', true],
  ['application/json; charset=utf-7', false],
  ['application/json; x=1; charset=utf-16le', false],
])('%s is UTF-8: %s', (type, is) => {
  expect(isUtf8Type(type)).toBe(is);
});

test('event streams', () => {
  expect(isEventStream('text/event-stream;charset=utf-8')).toBe(true);
  expect(isEventStream('text/event-streams')).toBe(false);
});
