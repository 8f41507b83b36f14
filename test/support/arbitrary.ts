// Arbitrary texts for property tests: JSON as odd as the standard allows, and event streams.
import fc from 'fast-check';

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });

const numbers = fc.oneof(
  fc.integer().map(String),
  fc.bigInt().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
  fc.constantFrom('-0', '0.0', '1.0', '1E5', '1e+05', '-1.50e-3', '9007199254740993', '123456789012345678901234567890'),
);

/** A string as JSON text, some of its characters escaped that need not be. */
const strings = fc
  .array(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }), fc.boolean()), { maxLength: 4 })
  .map((parts) => `"${parts.map(([text, everywhere]) => (everywhere ? everyEscape(text) : JSON.stringify(text).slice(1, -1))).join('')}"`);

function everyEscape(text: string): string {
  return Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
}

/** Any JSON text: big integers, needless escapes, white space, keys that stand twice. */
export function jsonText(): fc.Arbitrary<string> {
  const { value } = fc.letrec<{ value: string; plain: string; list: string; object: string }>((tie) => ({
    value: fc
      .tuple(space, fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('plain'), tie('list'), tie('object')), space)
      .map((parts) => parts.join('')),
    plain: fc.oneof(numbers, strings, fc.constantFrom('true', 'false', 'null')),
    list: fc.oneof(
      fc.array(tie('value'), { minLength: 1, maxLength: 4 }).map((items) => `[${items.join()}]`),
      space.map((s) => `[${s}]`),
    ),
    object: fc.oneof(
      fc
        .array(fc.tuple(space, fc.oneof(strings, fc.constantFrom('"a"', '"A"', '"\\u0061"')), space, tie('value')), { minLength: 1, maxLength: 4 })
        .map((members) => `{${members.map(([before, key, after, v]) => `${before}${key}${after}:${v}`).join()}}`),
      space.map((s) => `{${s}}`),
    ),
  }));
  return value;
}

const line = fc.oneof(
  fc.string({ unit: fc.constantFrom('d', 'a', 't', ':', ' ', '\u00fc', '\ufeff', '{', '\0'), maxLength: 12 }),
  fc
    .tuple(fc.constantFrom('data', 'id', 'event', 'retry', ''), fc.constantFrom(':', ': ', ''), fc.string({ maxLength: 8 }))
    .map((parts) => parts.join('').replace(/[\r\n]/g, '')),
);

/** The text of an event stream, of any lines with any ends. */
export function eventStreamText(): fc.Arbitrary<string> {
  return fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '\r\r')), { maxLength: 20 })
    .map((lines) => lines.map((parts) => parts.join('')).join(''));
}

/** `bytes` cut up at arbitrary places. */
export function cutUp(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}
