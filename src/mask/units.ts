// The text as UTF-16 units in one reused array, and the kind of each unit: reading an array is several times faster than charCodeAt.

// Bits of a word; a token is a run of them.
export const DIGIT = 1;
export const UPPER = 2;
export const LOWER = 4;
export const DASH = 8;
export const WORD = DIGIT | UPPER | LOWER | DASH;

// Units on which the scan stops to look closer. None shares a bit with WORD.
export const COLON = 0x10;
export const EQUALS = 0x20;
export const AT = 0x30;
export const PERCENT = 0x40;
export const BACKSLASH = 0x50;
export const TILDE = 0x60;
export const GREATER = 0x70;
/** Digits of other scripts and widths, the wide @, and characters without width. */
export const FOREIGN = 0x80;

/** The colon of Chinese and Japanese texts. */
export const WIDE_COLON = 0xff1a;

// The zeros of Unicode's rows of decimal digits (category Nd) that a keyboard may give: Arabic, Indic, Thai, Lao, Tibetan, Myanmar, Khmer, Mongolian, wide.
const FOREIGN_ZEROS = [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040, 0x17e0, 0x1810, 0xff10];

/** The kind of every UTF-16 unit: 0 for what only separates. */
export const KIND: Uint8Array = kinds();

function kinds(): Uint8Array {
  const table = new Uint8Array(65_536);
  for (let c = 0x30; c <= 0x39; c++) table[c] = DIGIT;
  for (let c = 0x41; c <= 0x5a; c++) table[c] = UPPER;
  for (let c = 0x61; c <= 0x7a; c++) table[c] = LOWER;
  for (const c of '-_') table[c.charCodeAt(0)] = DASH;
  table[0x3a] = COLON;
  table[WIDE_COLON] = COLON;
  table[0x3d] = EQUALS;
  table[0x40] = AT;
  table[0x25] = PERCENT;
  table[0x5c] = BACKSLASH;
  table[0x7e] = TILDE;
  table[0x3e] = GREATER;
  for (const zero of FOREIGN_ZEROS) table.fill(FOREIGN, zero, zero + 10);
  for (const c of [0xad, 0x200b, 0x200c, 0x200d, 0x2060, 0xfeff, 0xff20]) table[c] = FOREIGN;
  return table;
}

/** Zero units behind the text, so that looking a little ahead needs no check. */
export const SLACK = 64;
const KEPT_UNITS = 1 << 20;

let kept = new Uint16Array(1 << 16);

/** The units of `text`, followed by at least SLACK zeros. Valid until the next call. */
export function unitsOf(text: string): Uint16Array {
  const needed = text.length + SLACK;
  let units = kept;
  if (needed > units.length) {
    units = new Uint16Array(needed > KEPT_UNITS ? needed : Math.min(KEPT_UNITS, needed * 2));
    if (units.length <= KEPT_UNITS) kept = units;
  }
  // Every platform that Node runs on here is little-endian, so this is a copy.
  Buffer.from(units.buffer).write(text, 0, 'utf16le');
  units.fill(0, text.length, needed);
  return units;
}

export function isSpace(c: number | undefined): boolean {
  // No-break space: before French colons.
  return c === 0x20 || c === 0x09 || c === 0xa0;
}

export function isDigit(c: number | undefined): boolean {
  return c !== undefined && c >= 0x30 && c <= 0x39;
}

export function isLetter(c: number | undefined): boolean {
  return c !== undefined && (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a;
}

export function isAlnum(c: number | undefined): boolean {
  return isDigit(c) || isLetter(c);
}

/** The value of a hexadecimal digit, or -1. */
export function hexValue(c: number | undefined): number {
  if (c === undefined) return -1;
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
