// Bytes as base64 with padding (RFC 4648 §4), as JSON carries them.

/** The text of the bytes. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The bytes of a text. What is no base64 in it is skipped: check the text where that matters. */
export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
