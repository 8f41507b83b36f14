// Property: our reading of JSON is JSON.parse's, and its spans put together are the text.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type JsonNode, parseJson, plainValue } from '../../src/base/json.ts';
import { skimObject } from '../../src/base/skim.ts';
import { readServerMessage } from '../../src/protocol/server-message.ts';
import { jsonText } from '../support/arbitrary.ts';
import { longer } from '../support/long.ts';

/** The text again, from the spans of the leaves and what stands between them. */
function splice(node: JsonNode, text: string): string {
  if (node.type !== 'object' && node.type !== 'array') return text.slice(node.start, node.end);
  const parts = node.type === 'array' ? node.items : node.members.flatMap((m) => [m.key, m.value]);
  let out = '';
  let at = node.start;
  for (const part of parts) {
    out += text.slice(at, part.start) + splice(part, text);
    at = part.end;
  }
  return out + text.slice(at, node.end);
}

test('valid text reads alike, and the spans give it back', () => {
  fc.assert(
    fc.property(jsonText(), (text) => {
      const node = parseJson(text);
      if (node.type === 'fault') throw new Error(`${node.reason} at ${node.offset}`);
      expect(plainValue(node)).toEqual(JSON.parse(text));
      expect(text.slice(0, node.start) + splice(node, text) + text.slice(node.end)).toBe(text);
    }),
    { numRuns: longer(2_000) },
  );
});

test('what JSON.parse refuses is refused, and nothing else', () => {
  const broken = fc
    .tuple(jsonText(), fc.nat(), fc.constantFrom('', '"', '\\', '{', ']', ',', ':', '0', 'e', '.', '\n', '\u0000', '\u2028', ' '))
    .map(([text, at, by]) => {
      const i = at % (text.length + 1);
      return text.slice(0, i) + by + text.slice(i + 1);
    });
  fc.assert(
    fc.property(broken, (text) => {
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      expect(parseJson(text).type !== 'fault').toBe(parses);
    }),
    { numRuns: longer(2_000) },
  );
});

test('skimming an object finds what reading it finds', () => {
  fc.assert(
    fc.property(jsonText(), (text) => {
      const node = parseJson(text);
      const found = skimObject(text)?.map(({ start, end }) => [start, end]);
      expect(found).toEqual(node.type === 'object' ? node.members.map(({ value }) => [value.start, value.end]) : undefined);
    }),
    { numRuns: longer(1_000) },
  );
});

test('no text makes the readers throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      parseJson(text);
      skimObject(text);
      readServerMessage(text);
    }),
    { numRuns: longer(2_000) },
  );
});
