// Reads the path of a call on a connection of kind `http` as its upstream will, or refuses it (RULES R1).

export type HttpPath = { readonly kind: 'path'; readonly path: string } | { readonly kind: 'fault'; readonly status: 400; readonly reason: string };

/**
 * The path with percent-encodings undone, for matching. Refused is what two readers may read differently: dot segments, empty
 * segments, slashes and backslashes that are encoded, fragments and parameters of segments, control characters, and encodings that are none. Source: RFC 3986 §6.2.
 */
export function readHttpPath(raw: string): HttpPath {
  if (!raw.startsWith('/')) return fault('the path does not begin with a slash');
  if (/%(?:2f|5c)|\\/i.test(raw)) return fault('the path has an encoded slash or a backslash');
  // Readers of URLs cut the first off as a fragment, and some servers the second, with what follows, as a segment's parameters.
  if (/[#;]|%3b/i.test(raw)) return fault('the path has a number sign or a semicolon');
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    return fault('the path has a percent sign that encodes nothing');
  }
  if (/[\u0000-\u001f\u007f]/.test(path)) return fault('the path has a control character');
  // Encoded twice it could become what was refused here, once the upstream decodes again.
  if (/%(?:2e|2f|5c|25)/i.test(path)) return fault('the path is encoded twice');
  const segments = path.split('/').slice(1);
  if (segments.some((segment) => segment === '.' || segment === '..')) return fault('the path has dot segments');
  if (segments.slice(0, -1).includes('')) return fault('the path has empty segments');
  return { kind: 'path', path };
}

function fault(reason: string): HttpPath {
  return { kind: 'fault', status: 400, reason };
}
