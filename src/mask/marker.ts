// What stands where a value was: `[email]`, `[secret:github]`, `[opaque:120]`. Nothing in it needs escaping in JSON, at any depth.

// A mark is known by its shape; what an upstream writes in this shape is taken for a mark and left alone.
const MARK =
  /\[(?:email|phone|card|iban|ssn|ip|address|person|field|secret:[a-z]{2,24}|pseudonym:[a-z2-7]{16}|opaque:[0-9]{1,9}|pattern:[a-z][a-z0-9-]{0,23})\]/y;
/** No mark has more units. */
export const MARK_LONGEST = 40;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** Offset behind the mark that starts at `at`, or 0 where none does. */
export function markEnd(text: string, at: number): number {
  MARK.lastIndex = at;
  return MARK.test(text) ? MARK.lastIndex : 0;
}

/** The last mark that ends at or before `before` and behind `from`, or undefined. Looks at no unit before `from`. */
export function lastMark(text: string, from: number, before: number): { readonly name: string; readonly end: number } | undefined {
  const lowest = Math.max(0, from);
  for (let close = before - 1; close >= lowest; close--) {
    if (text.charCodeAt(close) !== CLOSE) continue;
    for (let open = close - 1; open >= 0 && close - open < MARK_LONGEST; open--) {
      if (text.charCodeAt(open) !== OPEN) continue;
      if (markEnd(text, open) === close + 1) return { name: text.slice(open + 1, close), end: close + 1 };
      break;
    }
  }
  return undefined;
}
