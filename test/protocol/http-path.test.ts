import { describe, expect, it } from 'vitest';
import { readHttpPath } from '../../src/protocol/http-path.ts';

describe('the path of an HTTP call', () => {
  it.each([
    ['/api/v1/users', '/api/v1/users'],
    ['/', '/'],
    ['/a/b/', '/a/b/'],
    ['/caf%C3%A9', '/café'],
    ['/a%20b', '/a b'],
    ['/...', '/...'],
  ])('%s is read as %s', (raw, path) => {
    expect(readHttpPath(raw)).toEqual({ kind: 'path', path });
  });

  it.each([
    '/a/../b',
    '/a/./b',
    '/a/%2e%2e/b',
    '/a/.%2E/b',
    '/..',
    '/a%2fb',
    '/a%2Fb',
    '/a%5cb',
    '/a\\b',
    '//a',
    '/a//b',
    '/%',
    '/%zz',
    '/%ff',
    '/a%00',
    '/a%0ab',
    '/%252e%252e/b',
    '/a%252fb',
    '/a/delete#',
    '/a#/../b',
    '/a/delete;x=1',
    '/a/..;/b',
    '/a/delete%3bx=1',
    'a',
    '*',
  ])('%s is refused', (raw) => {
    expect(readHttpPath(raw)).toMatchObject({ kind: 'fault', status: 400 });
  });
});
