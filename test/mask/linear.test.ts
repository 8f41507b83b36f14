// No input makes masking slower than linear: texts made to provoke each detector are grown 32-fold, and the time must not grow
// much more than that. Times are only compared to each other.
import { describe, expect, it } from 'vitest';
import { compileMasker } from '../../src/mask/compile.ts';
import type { MaskRequest } from '../../src/mask/masker.ts';
import { defaults, mcpRecord, text } from './maskers.ts';

const masker = compileMasker({
  detectors: [...defaults, 'person', 'address'],
  fields: [{ path: '$..a.*.b' }, { path: 'zip' }],
  patterns: [
    { name: 'staff', pattern: 'EMP-[0-9]{6}' },
    { name: 'tail', pattern: 'zip [a-z]+ [0-9]' },
  ],
});

const SMALL = 4_000;
const GROWTH = 32;
// Growth of quadratic work is 1024, less what a small text costs anyhow.
const RATIO_MAX = 96;

const seeds: readonly string[] = [
  'a',
  '1',
  '-',
  '_',
  '@',
  ':',
  '=',
  '"',
  '\\',
  '\\"',
  '%40',
  '.',
  ' ',
  '[',
  ']',
  '/',
  '+',
  '(',
  '<',
  '~',
  '\n',
  'a@',
  '@a',
  'a@b.',
  'a@b.c',
  '%40a',
  '"@',
  '"a"@',
  '\\"a',
  'ü@ü.',
  '1 ',
  '1-',
  '1.',
  '+1',
  '(1',
  '12 34 ',
  '4111 ',
  '4111111111111111',
  '411111111111111 ',
  '123-45-',
  '1.1.1.',
  '1:',
  ':1',
  '::',
  'f:',
  'GB82 ',
  'GB82WEST',
  'eyJ',
  'eyJa.',
  'eyJhbGciOiJIUzI1NiJ9.',
  'sk-',
  'sk_',
  'ghp_',
  'ghp-',
  'AKIA',
  'SG.',
  'hvs.',
  'xoxb-',
  'Bearer ',
  'Basic a',
  'is ',
  'password',
  'password=',
  'password:',
  'token is ',
  '"password":',
  '"password":"',
  '\\"password\\":\\"',
  '"password":["',
  '"value":"',
  '"name":"a","value":"',
  '--password ',
  '-u a:',
  '://',
  '://a:',
  '://a:b@',
  '://a:b/',
  'a:b@tcp(',
  '-----BEGIN ',
  '-----BEGIN PRIVATE KEY-----',
  '-----END',
  'Authorization: ',
  'Authorization: Digest a="',
  'Cookie: a=',
  '<password>',
  '[secret:',
  '[email]',
  '\\u0040',
  '\\\\u0040',
  '\\n',
  '\\\\',
  'phone ',
  'card 1234567 ',
  'Mr A',
  'Mr Aa ',
  'my name is ',
  '1 Aa ',
  '12 Aaa Bbb ',
  '1 rue a ',
  'https://hooks.slack.com/services/',
  '0123456789abcdef',
  '0123456789abcdef0123456789abcdef ',
  'secret 0123456789abcdef0123456789abcdef',
  "password '",
  'PASSWORD ',
  'identified by ',
  'token ',
  'cvv ',
  ' -p',
  'mysql -p',
  'redis-cli -a a',
  'A_KEY=aB1',
  'user[password]=a',
  '%5Bpassword%5D=',
  '%2B1',
  'sqlplus a/',
  'whsec_aB1/',
  '1//0',
  "PASSWORD('",
  "echo 'abc' | a --password-stdin ",
  "ConvertTo-SecureString '",
  '10:11:',
  ' 10:11:12',
  'auth=("a","',
  'insert into t (a,password) values (',
  "insert into t (a,password) values ('a',",
  'a,password\n',
  'password,',
  'password: |\n  ',
  'пароль:',
  '密码：',
  '"password":{"value":"',
  '<a name="password">',
  'password="a" -> ',
  'IBANDE',
  '1%20',
  '1+',
  'A_TOKEN ',
  'LS0tLS1CRUdJTiBQUklWQVRFIEtFWS',
  'password: $a$',
  'A12345678=',
  'EMP-123456 ',
  '{"a":',
  '[[',
  '{"a":{"b":1},',
  '"zip":"',
];

function grown(seed: string, length: number): string {
  return seed.repeat(Math.ceil(length / seed.length)).slice(0, length);
}

// CPU time of this process, so that other work on the machine does not show.
function spentMs(input: string, request: MaskRequest): number {
  const before = process.cpuUsage();
  masker.mask(input, request);
  const spent = process.cpuUsage(before);
  return (spent.user + spent.system) / 1000;
}

// Asks again where the collector may have been at work.
function expectLinear(small: string, large: string, request: MaskRequest): void {
  const base = Math.max(FLOOR_MS, Math.min(...Array.from({ length: 6 }, () => spentMs(small, request))));
  let ratio = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 3 && ratio >= RATIO_MAX; n++) ratio = Math.min(ratio, spentMs(large, request) / base);
  expect(ratio).toBeLessThan(RATIO_MAX);
}

// What takes no longer than this says more of the clock than of the code.
const FLOOR_MS = 4;

describe('in plain text', () => {
  it.each(seeds)('%j', (seed) => expectLinear(grown(seed, SMALL), grown(seed, SMALL * GROWTH), text));
});

describe('in JSON', () => {
  const inJson = (seed: string, length: number): string => JSON.stringify({ jsonrpc: '2.0', id: 1, result: { t: grown(seed, length) } });
  it.each(seeds.filter((seed) => /["\\{[:=@]/.test(seed)))('%j', (seed) => expectLinear(inJson(seed, SMALL), inJson(seed, SMALL * GROWTH), mcpRecord));
});

describe('in a text that is read again without its escapes', () => {
  it.each(['\\', '\\u', '\\\\u00', '\uff11', '\uff20a', '\u200b1', '\u0661 ', 'a@', '1-', '=', '"', 'EMP-12345', 'zip a '])('%j', (seed) =>
    expectLinear(`a\\u0040b ${grown(seed, SMALL)}`, `a\\u0040b ${grown(seed, SMALL * GROWTH)}`, text),
  );
});

it('holds for seeds in a row, and for JSON that does not end', () => {
  for (const separator of ['', ' ', '"', '\\n']) {
    const row = seeds.join(separator);
    expectLinear(grown(row, SMALL), grown(row, SMALL * GROWTH), text);
    expectLinear(`{"a": ${grown(row, SMALL)}`, `{"a": ${grown(row, SMALL * GROWTH)}`, mcpRecord);
  }
});
