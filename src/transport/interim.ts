// Takes interim answers (100, 102, 103) off a connection to an upstream before undici reads it: it takes a 100 that nobody asked for as broken.
import type { Socket } from 'node:net';
import { limits } from '../base/limits.ts';

/** An interim head; a switch of protocols (101) is none. */
const INTERIM = /^HTTP\/1\.[01] 1(?!01)\d\d[ \r]/;
/** Could still become one. */
const UNFINISHED = /^(?:H|HT|HTT|HTTP|HTTP\/|HTTP\/1|HTTP\/1\.|HTTP\/1\.[01]|HTTP\/1\.[01] (?:1\d{0,2})?)$/;
/** Units of it that tell. */
const STATUS_UNITS = 'HTTP/1.x 1xx '.length;
const HEAD_END = '\r\n\r\n';

/**
 * Has `socket` read as if interim answers were never sent. It stays usable as it is; an answer begins with what comes first after
 * something was written. Source: RFC 9110 §15.2, by which a client must be able to parse those that it did not ask for.
 */
export function skipInterim(socket: Socket): void {
  let isAtStart = true;
  let held: Buffer | undefined;
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
  const readOn = (size?: number): Buffer | null => {
    for (;;) {
      const chunk = read(size);
      if (!isAtStart || chunk === null) return chunk;
      const bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
      const rest = behindInterim(bytes);
      held = rest === undefined ? bytes : undefined;
      if (rest === undefined || rest.length === 0) continue;
      isAtStart = false;
      return rest;
    }
  };
  Object.assign(socket, {
    write: (...args: unknown[]): boolean => {
      isAtStart = true;
      return write(...args);
    },
    read: readOn,
  });
}

/** What follows the interim heads; undefined where more must come before that is known. */
function behindInterim(bytes: Buffer): Buffer | undefined {
  let rest = bytes;
  while (rest.length > 0) {
    const text = rest.toString('latin1', 0, STATUS_UNITS);
    if (UNFINISHED.test(text)) return undefined;
    if (!INTERIM.test(text)) return rest;
    const end = rest.indexOf(HEAD_END);
    if (end === -1) return rest.length > limits.headerBytesMax ? rest : undefined;
    rest = rest.subarray(end + HEAD_END.length);
  }
  return rest;
}
