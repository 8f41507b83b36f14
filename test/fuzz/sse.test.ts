// Property: however a stream is cut up, its events are the same and its bytes come back.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SsePiece, SseSplitter, withData } from '../../src/protocol/sse.ts';
import { cutUp, eventStreamText } from '../support/arbitrary.ts';
import { longer } from '../support/long.ts';

const MAX = 1_000_000;

function split(chunks: readonly Buffer[], bytesMax = MAX): SsePiece[] {
  const splitter = new SseSplitter(bytesMax);
  const pieces = chunks.flatMap((chunk) => splitter.push(chunk));
  const rest = splitter.end();
  return rest === undefined ? pieces : [...pieces, rest];
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });

/** What the standard makes of a stream, read in one go. */
function eventsByTheStandard(text: string): string[] {
  const found: string[] = [];
  let data: string[] = [];
  for (const line of text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)) {
    if (line === '') {
      if (data.length > 0) found.push(data.join('\n'));
      data = [];
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'data') data.push(value);
  }
  return found;
}

test('cut up or not, the same data in the same order, and every byte', () => {
  fc.assert(
    fc.property(eventStreamText(), cuts, (text, places) => {
      const bytes = Buffer.from(text);
      const pieces = split(cutUp(bytes, places));
      expect(Buffer.concat(pieces.map((p) => p.raw)).equals(bytes)).toBe(true);
      const whole = split([bytes]);
      const read = (list: SsePiece[]) => list.flatMap((p) => (p.kind === 'event' && p.data !== undefined ? [[p.data, p.event, p.id]] : []));
      expect(read(pieces)).toEqual(read(whole));
    }),
    { numRuns: longer(2_000) },
  );
});

test('the data are those of the standard', () => {
  fc.assert(
    fc.property(eventStreamText(), (text) => {
      const ended = `${text}\n\n`;
      expect(split([Buffer.from(ended)]).flatMap((p) => (p.data === undefined ? [] : [p.data]))).toEqual(eventsByTheStandard(Buffer.from(ended).toString()));
    }),
    { numRuns: longer(2_000) },
  );
});

test('a low bound loses no byte either', () => {
  fc.assert(
    fc.property(eventStreamText(), cuts, fc.integer({ min: 1, max: 30 }), (text, places, bytesMax) => {
      const bytes = Buffer.from(text);
      const pieces = split(cutUp(bytes, places), bytesMax);
      expect(Buffer.concat(pieces.map((p) => p.raw)).equals(bytes)).toBe(true);
      for (const piece of pieces) if (piece.kind === 'event') expect(piece.raw.length).toBeLessThanOrEqual(bytesMax);
    }),
    { numRuns: longer(1_000) },
  );
});

test('an event with other data reads as one event with these data, and all else as before', () => {
  const data = fc.string({ maxLength: 30 }).map((text) => text.replace(/[\r\n]/g, '\n'));
  fc.assert(
    fc.property(eventStreamText(), data, (text, changed) => {
      for (const piece of split([Buffer.from(`${text}\n\n`)])) {
        if (piece.kind !== 'event' || piece.data === undefined) continue;
        const [again, ...more] = split([Buffer.from('x\n\n'), withData(piece, changed)]).slice(1);
        expect(more.filter((p) => p.data !== undefined)).toEqual([]);
        expect(again).toMatchObject({ data: changed, event: piece.event, id: piece.id });
      }
    }),
    { numRuns: longer(1_000) },
  );
});
