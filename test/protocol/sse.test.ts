import { describe, expect, test } from 'vitest';
import { type SseEvent, SseSplitter, withData } from '../../src/protocol/sse.ts';

function events(text: string): SseEvent[] {
  return new SseSplitter(10_000).push(Buffer.from(text)).filter((piece) => piece.kind === 'event');
}

function only(text: string): SseEvent {
  const [event, ...more] = events(text);
  if (event === undefined || more.length > 0) throw new Error('not one event');
  return event;
}

describe('reading', () => {
  test.each(['\n', '\r\n', '\r'])('lines that end in %j', (eol) => {
    const text = ['id: 7', 'event: message', 'data: {"a":', 'data: 1}', '', ''].join(eol);
    expect(only(text)).toMatchObject({ data: '{"a":\n1}', event: 'message', id: '7' });
    expect(only(text).raw.toString()).toBe(text);
  });

  test('fields as the standard reads them', () => {
    expect(only('data\n\n').data).toBe('');
    expect(only('data:x\n\n').data).toBe('x');
    expect(only('data:  x\n\n').data).toBe(' x');
    expect(only('data: a\ndata\ndata: b\n\n').data).toBe('a\n\nb');
    expect(only(': comment\n\n').data).toBeUndefined();
    expect(only('retry: 5\n\n').data).toBeUndefined();
    expect(only('Data: x\n\n').data).toBeUndefined();
    expect(only('data : x\n\n').data).toBeUndefined();
    expect(only('id: a\0b\ndata: x\n\n').id).toBeUndefined();
    expect(only('id\ndata: x\n\n').id).toBe('');
  });

  test('a byte order mark in front of the stream only', () => {
    expect(events('\ufeffdata: a\n\n\ufeffdata: b\n\n').map((e) => e.data)).toEqual(['a', undefined]);
  });

  test('an event is whole with the CR of its blank line, and the LF that comes later is not lost', () => {
    const splitter = new SseSplitter(100);
    const first = splitter.push(Buffer.from('data: a\r\n\r'));
    expect(first).toMatchObject([{ data: 'a' }]);
    const second = splitter.push(Buffer.from('\ndata: b\n\n'));
    expect(second).toMatchObject([{ data: 'b' }]);
    expect(Buffer.concat([...first, ...second].map((p) => p.raw)).toString()).toBe('data: a\r\n\r\ndata: b\n\n');
  });

  test('a CR LF that is cut in two does not end an event', () => {
    const splitter = new SseSplitter(100);
    expect(splitter.push(Buffer.from('data: a\r'))).toEqual([]);
    expect(splitter.push(Buffer.from('\ndata: b\r\n\r\n'))).toMatchObject([{ data: 'a\nb' }]);
  });

  test('what a stream ends in without a blank line is handed out', () => {
    const splitter = new SseSplitter(100);
    expect(splitter.push(Buffer.from('data: a\n\ndata: b'))).toHaveLength(1);
    expect(splitter.end()).toMatchObject({ kind: 'event', data: 'b' });
    expect(splitter.end()).toBeUndefined();
  });
});

describe('an event that is too long', () => {
  test('comes in parts, and the next one is read again', () => {
    const splitter = new SseSplitter(20);
    const text = `data: ${'x'.repeat(50)}\nid: 1\n\ndata: b\n\n`;
    const pieces = [...text].flatMap((c) => splitter.push(Buffer.from(c)));
    expect(Buffer.concat(pieces.map((p) => p.raw)).toString()).toBe(text);
    const parts = pieces.filter((p) => p.kind === 'part');
    expect(parts.map((p) => p.last).indexOf(true)).toBe(parts.length - 1);
    expect(pieces.at(-1)).toMatchObject({ kind: 'event', data: 'b' });
  });

  test('in one piece, and at the end of the stream', () => {
    const splitter = new SseSplitter(20);
    expect(splitter.push(Buffer.from(`data: ${'x'.repeat(50)}\n\n`))).toMatchObject([{ kind: 'part', last: true }]);
    splitter.push(Buffer.from('x'.repeat(50)));
    expect(splitter.end()).toMatchObject({ kind: 'part', last: true });
  });

  test('many short lines cost no more than their bytes', () => {
    const splitter = new SseSplitter(8_000_000);
    const chunk = Buffer.from('data\n'.repeat(10_000));
    const began = performance.now();
    for (let i = 0; i < 100; i++) splitter.push(chunk);
    // Quadratic work over five million bytes takes minutes.
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('other data', () => {
  test('the same data are the same bytes', () => {
    const event = only('id:1\r\ndata:x\r\n\r\n');
    expect(withData(event, 'x')).toBe(event.raw);
  });

  test('every other line stays, and so do the line ends', () => {
    const event = only(': c\r\nid: 1\r\ndata: a\r\nretry: 9\r\ndata: b\r\nevent: m\r\n\r\n');
    expect(withData(event, 'new').toString()).toBe(': c\r\nid: 1\r\ndata: new\r\nretry: 9\r\nevent: m\r\n\r\n');
    expect(withData(only('data:a\rid:1\r\r'), 'x\ny').toString()).toBe('data: x\rdata: y\rid:1\r\r');
    expect(withData(only('data\ndatax: 1\n\n'), 'x').toString()).toBe('data: x\ndatax: 1\n\n');
  });
});
