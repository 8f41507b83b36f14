// The part of CBOR (RFC 8949) that leaves are made of, deterministic by §4.2.1: shortest heads, definite lengths, ascending keys.
// Written out by hand because a leaf is encoded on the path of every call: the general library takes ten times as long.
import { McprecError } from '../base/errors.ts';

const UINT = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const FALSE = 0xf4;
const TRUE = 0xf5;

const TWO_32 = 2 ** 32;
/** A map's head of up to 255 pairs fits in front of its first key. */
const HEAD_ROOM = 2;
const PREFIX_LENGTH = 4;
const ID_LENGTH = 36;
const NO_DIGIT = 0x1000;
/** What each character code is as a lower-case hex digit. Cutting the digits off and asking Buffer takes four times as long. */
const digits = Uint16Array.from({ length: 128 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code));
  return digit < 0 ? NO_DIGIT : digit;
});
/** Every key and every item of an array finds this much room, so that only a text has to ask: two heads and 32 bytes. */
const PAIR_ROOM = 64;
/** Maps are written one behind the other into pieces of memory of this size: one of its own for each map takes as long as hashing it. */
const PIECE_BYTES = 16_384;

/** Writes one map with small unsigned keys, which must come in ascending order. One writer is used again for map after map. */
export class CborMapWriter {
  #out = Buffer.allocUnsafeSlow(PIECE_BYTES);
  /** Where this map began. */
  #from = 0;
  #at = HEAD_ROOM;
  #pairs = 0;

  /** Starts the next pair. */
  key(key: number): this {
    this.#pairs++;
    this.#room(PAIR_ROOM);
    this.#head(UINT, key);
    return this;
  }

  uint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new McprecError('bug', `${value} cannot stand in a leaf: only whole numbers from 0 to 2^53-1 can`);
    this.#head(UINT, value);
  }

  /** A byte string whose length, at most 32, the format fixes. */
  bytes(value: Uint8Array, length: 16 | 32): void {
    if (value.length !== length) throw new McprecError('bug', `a byte string of ${value.length} bytes where the leaf has ${length}`);
    this.#head(BYTES, length);
    this.#out.set(value, this.#at);
    this.#at += length;
  }

  /** The 16 bytes of an id. */
  id(id: string): void {
    this.#head(BYTES, 16);
    const out = this.#out;
    let at = this.#at;
    let seen = id.length === ID_LENGTH ? 0 : NO_DIGIT;
    for (let i = PREFIX_LENGTH; i < ID_LENGTH; i += 2) {
      const byte = digitAt(id, i) * 16 + digitAt(id, i + 1);
      seen |= byte;
      out[at++] = byte;
    }
    if (seen >= NO_DIGIT) throw new McprecError('bug', `${id} is no id`);
    this.#at = at;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#head(TEXT, length);
    this.#room(length + PAIR_ROOM);
    this.#at += this.#out.write(value, this.#at);
  }

  true(): void {
    this.#out[this.#at++] = TRUE;
  }

  array(length: number): void {
    this.#room(length * PAIR_ROOM);
    this.#head(ARRAY, length);
  }

  /** The whole map's bytes, which nothing is written over; the writer is ready for the next one. */
  finish(): Uint8Array {
    const out = this.#out;
    const short = this.#pairs < 24;
    const start = short ? this.#from + 1 : this.#from;
    if (short) out[start] = (MAP << 5) | this.#pairs;
    else out.writeUInt16BE(((MAP << 5) | 24) * 256 + this.#pairs, start);
    const map = new Uint8Array(out.buffer, out.byteOffset + start, this.#at - start);
    this.#from = this.#at;
    this.reset();
    return map;
  }

  /** Forgets what was begun. */
  reset(): void {
    this.#at = this.#from;
    this.#pairs = 0;
    this.#room(HEAD_ROOM);
    this.#at = this.#from + HEAD_ROOM;
  }

  #head(major: number, value: number): void {
    const out = this.#out;
    const type = major << 5;
    if (value < 24) out[this.#at++] = type | value;
    else if (value < 0x100) {
      out[this.#at++] = type | 24;
      out[this.#at++] = value;
    } else if (value < 0x10000) {
      out[this.#at++] = type | 25;
      this.#at = out.writeUInt16BE(value, this.#at);
    } else if (value < TWO_32) {
      out[this.#at++] = type | 26;
      this.#at = out.writeUInt32BE(value, this.#at);
    } else {
      out[this.#at++] = type | 27;
      this.#at = out.writeUInt32BE(Math.floor(value / TWO_32), this.#at);
      this.#at = out.writeUInt32BE(value % TWO_32, this.#at);
    }
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#out.length) return;
    const written = this.#at - this.#from;
    const piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, 2 * (written + bytes)));
    this.#out.copy(piece, 0, this.#from, this.#at);
    this.#out = piece;
    this.#from = 0;
    this.#at = written;
  }
}

function digitAt(id: string, at: number): number {
  return digits[id.charCodeAt(at)] ?? NO_DIGIT;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads what `CborMapWriter` writes and refuses every other way to write the same. Each fault is a `leaf_invalid`. */
export class CborReader {
  readonly #in: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#in = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** True where every byte was read. */
  get done(): boolean {
    return this.#at === this.#in.length;
  }

  /** How many pairs the map has. */
  map(): number {
    return this.#head(MAP);
  }

  array(): number {
    return this.#head(ARRAY);
  }

  uint(): number {
    return this.#head(UINT);
  }

  /** The byte string, which must be `length` long: a view of the bytes that are read. */
  bytes(length: number): Uint8Array {
    const found = this.#head(BYTES);
    if (found !== length) fail(`a byte string of ${found} bytes where ${length} are expected`);
    const from = this.#take(length);
    return new Uint8Array(this.#in.buffer, this.#in.byteOffset + from, length);
  }

  /** The 16 bytes of an id as hex, without its prefix. */
  idHex(): string {
    if (this.#head(BYTES) !== 16) fail('an id that is not 16 bytes long');
    return this.#in.toString('hex', this.#take(16), this.#at);
  }

  text(): string {
    const length = this.#head(TEXT);
    const from = this.#take(length);
    try {
      return utf8.decode(this.#in.subarray(from, this.#at));
    } catch {
      return fail('a text that is not UTF-8');
    }
  }

  bool(): boolean {
    const byte = this.#in[this.#take(1)];
    if (byte !== TRUE && byte !== FALSE) fail('something else where true or false is expected');
    return byte === TRUE;
  }

  #take(length: number): number {
    const from = this.#at;
    if (from + length > this.#in.length) fail('it ends too early');
    this.#at = from + length;
    return from;
  }

  #head(major: number): number {
    const first = this.#in[this.#take(1)] as number;
    if (first >> 5 !== major) fail(`a value of CBOR type ${first >> 5} where type ${major} is expected`);
    const info = first & 31;
    if (info < 24) return info;
    if (info === 24) return this.#shortest(this.#in.readUInt8(this.#take(1)), 24);
    if (info === 25) return this.#shortest(this.#in.readUInt16BE(this.#take(2)), 0x100);
    if (info === 26) return this.#shortest(this.#in.readUInt32BE(this.#take(4)), 0x10000);
    if (info !== 27) return fail('an indefinite or reserved length');
    const at = this.#take(8);
    const value = this.#in.readUInt32BE(at) * TWO_32 + this.#in.readUInt32BE(at + 4);
    if (!Number.isSafeInteger(value)) fail('a number above 2^53-1');
    return this.#shortest(value, TWO_32);
  }

  #shortest(value: number, least: number): number {
    return value >= least ? value : fail('a number that is not written in its shortest form');
  }
}

function fail(what: string): never {
  throw new McprecError('leaf_invalid', `the leaf is not in the form that the format asks for: ${what}`);
}
