import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asEvent, asLine, LineSplitter } from '../../src/protocol/lines.ts';

test('whatever the pieces, the bytes of the lines are the bytes of the stream', () => {
  const stream = fc.array(fc.constantFrom('\n', '\r\n', '\r', '{"a":1}', 'é', '\u2028', '')).map((parts) => Buffer.from(parts.join('')));
  fc.assert(
    fc.property(stream, fc.array(fc.nat({ max: 9 })), fc.integer({ min: 1, max: 12 }), (bytes, cuts, bytesMax) => {
      const splitter = new LineSplitter(bytesMax);
      const pieces = [];
      let at = 0;
      for (const cut of cuts) {
        pieces.push(...splitter.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      pieces.push(...splitter.push(bytes.subarray(at)));
      const rest = splitter.end();
      if (rest !== undefined) pieces.push(rest);
      expect(Buffer.concat(pieces.map(({ raw }) => raw))).toEqual(bytes);
      for (const piece of pieces) {
        if (piece.kind === 'part') continue;
        expect(piece.raw.length).toBeLessThanOrEqual(bytesMax);
        expect(piece.message.toString('latin1')).toBe(piece.raw.toString('latin1').replace(/\r?\n$|\r$/, ''));
        expect(piece.message.includes(0x0a)).toBe(false);
      }
    }),
  );
});

test('line breaks inside a message become blanks; a carriage return at its end stays in a line', () => {
  expect(asLine(Buffer.from('{\n"a":\r\n1}\r')).toString()).toBe('{ "a":  1}\r\n');
  expect(asEvent(Buffer.from('{\n"a":1}\r')).toString()).toBe('data: { "a":1} \n\n');
});
