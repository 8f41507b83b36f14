// Rules about this room itself.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compileMasker } from '../../src/mask/compile.ts';
import { maskedBytes, maskValue, statementBytes } from '../../src/mask/value.ts';
import { defaults, mcpRecord, standard } from './maskers.ts';

it('only mask/ makes a Masked (elsewhere: call mask, maskValue or statementBytes)', () => {
  const callers = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path) && path !== join('base', 'masked.ts'))
    .filter((path) => /\bmarkMasked\b|as Masked</.test(readFileSync(join('src', path), 'utf8')));
  expect(callers.filter((path) => !path.startsWith('mask'))).toEqual([]);
});

it('the version changes with the settings and with whether pseudonyms are made', () => {
  const versions = [
    compileMasker({ detectors: defaults, fields: [] }),
    compileMasker({ detectors: ['email'], fields: [] }),
    compileMasker({ detectors: defaults, fields: [{ path: 'a' }] }),
    compileMasker({ detectors: defaults, fields: [{ path: 'a' }] }, { pseudonymKey: new Uint8Array(32) }),
  ].map((masker) => masker.version);
  expect(new Set(versions).size).toBe(versions.length);
  expect(compileMasker({ detectors: defaults.toReversed(), fields: [] }).version).toBe(versions[0]);
  expect(versions.every((version) => /^\d+-[0-9a-f]{12}$/.test(version))).toBe(true);
});

it('a plain value is masked by its names', () => {
  const value = {
    tool: 'search',
    uri: '/x?email=bob%40example.com',
    headers: { 'x-api-key': 'k', accept: '*/*' },
    metrics: { 'a.b': 3 },
    'bob@example.com': true,
  };
  expect(maskValue(standard, value)).toEqual({
    value: { tool: 'search', uri: '/x?email=[email]', headers: { 'x-api-key': '[secret:key]', accept: '*/*' }, metrics: { 'a.b': 3 }, '[email]': true },
    count: 3,
  });
  const clean = { a: 1 };
  expect(maskValue(standard, clean).value).toBe(clean);
});

it('bytes are the UTF-8 of what was masked', () => {
  const outcome = standard.mask('{"é":"bob@example.com"}', mcpRecord);
  expect(Buffer.from(maskedBytes(outcome)).toString('utf8')).toBe('{"é":"[email]"}');
});

it('what a process states stays, what it was given is masked', () => {
  const bytes = statementBytes(standard, { email: 'bob@example.com' }, { reason: 'asked by bob@example.com' });
  expect(JSON.parse(Buffer.from(bytes).toString('utf8'))).toEqual({ email: 'bob@example.com', reason: 'asked by [email]' });
});

it('says what each mask replaced, and where', () => {
  const { text, masks } = standard.mask('a bob@example.com:4111111111111111 z', { form: 'text', scope: 'free', target: 'record' });
  expect(text).toBe('a [email]:[card] z');
  expect(masks).toEqual([
    { kind: 'email', at: 2, replaced: 15 },
    { kind: 'card', at: 10, replaced: 16 },
  ]);
});
