// JSON is masked in place: escapes, JSON in strings, keys and numbers, and every other byte as it was.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { masked, mcpRecord, mcpWire, record, standard, text, wire } from './maskers.ts';

describe('what an escape hides', () => {
  it.each([
    ['{"m":"bob\\u0040example.com"}', '{"m":"[email]"}'],
    ['{"m":"\\u0062ob@example.com x"}', '{"m":"[email] x"}'],
    ['{"m":"m\\u00fcller@example.com"}', '{"m":"[email]"}'],
    ['{"m":"a \\u0022bob@example.com\\u0022"}', '{"m":"a \\u0022[email]\\u0022"}'],
    ['{"m":"4111\\u00201111\\u00201111\\u00201111"}', '{"m":"[card]"}'],
    ['{"\\u0070assword":"x"}', '{"\\u0070assword":"[secret:password]"}'],
    ['{"m":"\\nghp_abcdefghijklmnopqrstuvwxyz0123456789\\n"}', '{"m":"\\n[secret:github]\\n"}'],
    ['{"m":"C:\\\\npm_abcdefghijklmnopqrstuvwxyz0123456789"}', '{"m":"C:\\\\n[secret:npm]"}'],
    ['{"m":"\\u003cbob@example.com\\u003e"}', '{"m":"\\u003c[email]\\u003e"}'],
    ['{"m":"\\tbob@example.com"}', '{"m":"\\t[email]"}'],
    ['{"u":"https:\\/\\/u:pw@h.example\\/"}', '{"u":"https:\\/\\/u:[secret:url]@h.example\\/"}'],
    ['{"k":"-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n"}', '{"k":"[secret:pem]\\n"}'],
  ])('is found in %s', (input, output) => expect(masked(input, record)).toBe(output));
});

describe('JSON in strings', () => {
  const inner = { note: 'bob@example.com "quoted"', password: 'a"b\\c', '\\pin': 123456, pan: 4111111111111111, list: ['203.0.113.7'] };
  const want = { note: '[email] "quoted"', password: '[secret:password]', '\\pin': '[secret:code]', pan: '[card]', list: ['[ip]'] };

  it.each([1, 2, 3, 4, 5])('is masked %i levels deep and still reads', (depth) => {
    let value: unknown = inner;
    for (let i = 0; i < depth; i++) value = { text: JSON.stringify(value) };
    let out: unknown = JSON.parse(masked(JSON.stringify(value), record));
    for (let i = 0; i < depth; i++) out = JSON.parse((out as { text: string }).text);
    expect(out).toEqual(want);
  });

  it('is masked in plain text too', () => {
    expect(masked(`body ${JSON.stringify(inner)} end`)).toBe(`body ${JSON.stringify(want)} end`);
    expect(masked(JSON.stringify(JSON.stringify(inner)).slice(1, -1))).toBe(JSON.stringify(JSON.stringify(want)).slice(1, -1));
  });
});

describe('keys and numbers', () => {
  const message = '{"bob@example.com": {"pan": 4111111111111111, "n": [4111111111111111, 12]}, "ok": "bob@example.com"}';

  it('changes both in the record', () => {
    expect(masked(message, record)).toBe('{"[email]": {"pan": "[card]", "n": ["[card]", 12]}, "ok": "[email]"}');
  });

  it('leaves keys and writes 0 on the wire', () => {
    expect(masked(message, wire)).toBe('{"bob@example.com": {"pan": 0, "n": [0, 12]}, "ok": "[email]"}');
  });

  it('keeps JSON in strings readable on the wire', () => {
    const out = masked(JSON.stringify({ t: message }), wire);
    expect(JSON.parse(JSON.parse(out).t)).toEqual({ '[email]': { pan: 0, n: [0, 12] }, ok: '[email]' });
  });
});

describe('what is not hit', () => {
  it('stays byte for byte, odd spacing and escapes and all', () => {
    const odd = '{ "a" :\t"x\\/y\\u00e9\\u2028", "n": 1.0e+3,\r\n "big":9007199254740993, "dup":1, "dup":2, "m":"bob@example.com" }  ';
    expect(masked(odd, record)).toBe(odd.replace('bob@example.com', '[email]'));
  });

  it('returns the very input where there is nothing', () => {
    const clean = JSON.stringify({ service: 'checkout', took: 12.5, tags: ['env:prod'] });
    const outcome = standard.mask(clean, mcpRecord);
    expect(outcome).toMatchObject({ count: 0, masks: [] });
    expect(outcome.text).toBe(clean);
  });

  it('is the same around a value set in any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.integer({ min: 0, max: 3 }), (value, indent) => {
        const hole = '\ue000hole\ue000';
        const frame = JSON.stringify({ before: value, here: `x ${hole} y`, after: value }, undefined, indent);
        fc.pre(standard.mask(frame, record).count === 0);
        expect(masked(frame.replace(hole, 'bob@example.com'), record)).toBe(frame.replace(hole, '[email]'));
      }),
      { numRuns: 300, seed: 20261122 },
    );
  });
});

describe('any text', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom(
        'bob@example.com',
        '4111 1111 1111 1111',
        '4111111111111111',
        'card ',
        'phone: ',
        '415-555-2671',
        '5551234',
        '203.0.113.7',
        '2001:db8::1',
        '123-45-6789',
        'ssn ',
        'password=',
        'token: ',
        '"secret":"',
        '"',
        '\\"',
        '\\',
        '\\n',
        '\\u0040',
        'ghp_abcdefghijklmnopqrstuvwxyz0123456789',
        'postgres://u:p@h/',
        'Bearer abc123def456',
        '-----BEGIN PRIVATE KEY-----',
        'DE89370400440532013000',
        ' ',
        '\n',
        ',',
        ':',
        '=',
        '[email]',
        '[secret:key]',
        '@',
        'root:x@tcp(',
        '<password>',
        '</',
        '%40',
        'is ',
        '--token ',
        '501864667909',
      ),
    ),
    { maxLength: 14 },
  );

  it('masked twice is masked once', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const once = masked(parts.join(''), text);
        expect(masked(once, text)).toBe(once);
      }),
      { numRuns: 3000, seed: 20261122 },
    );
  });

  it('keeps JSON valid, and masks it twice as once', () => {
    fc.assert(
      fc.property(pieces, fc.boolean(), fc.integer({ min: 0, max: 2 }), fc.constantFrom(record, wire, mcpRecord, mcpWire), (parts, asKey, depth, request) => {
        const joined = parts.join('');
        let value: unknown = asKey ? { [joined]: 1, [`${joined}2`]: joined } : [joined, { value: joined, password: joined }];
        for (let i = 0; i < depth; i++) value = { text: JSON.stringify(value), list: [i] };
        const once = masked(JSON.stringify(value), request);
        let read: unknown = JSON.parse(once);
        for (let i = 0; i < depth; i++) read = JSON.parse((read as { text: string }).text);
        expect(read).toBeDefined();
        expect(masked(once, request)).toBe(once);
      }),
      { numRuns: 3000, seed: 20261122 },
    );
  });
});
