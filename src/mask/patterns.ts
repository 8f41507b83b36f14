// Patterns of the policy's author, matched by RE2 in windows of a bounded length: what one find may cost does not grow with the text.
import { McprecError } from '../base/errors.ts';
import { compileRe2, isRe2, type Re2 } from '../base/re2.ts';
import { MARK_LONGEST, markEnd } from './marker.ts';
import type { PatternRule } from './masker.ts';
import type { Hit } from './source.ts';
import { isDigit } from './units.ts';

export interface CompiledPattern {
  readonly pattern: Re2;
  /** In lower case. */
  readonly keywords: readonly string[];
  readonly mark: string;
}

const WINDOW = 1024;
/** The longest value that is found whatever stands around it. */
const OVERLAP = 256;
const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const OPEN = 0x5b;

/** Throws `config_invalid` for a pattern that RE2 does not take. */
export function compilePatterns(rules: readonly PatternRule[]): readonly CompiledPattern[] {
  return rules.map(({ name, pattern, keywords = [] }) => {
    const compiled = compileRe2(pattern);
    if (!isRe2(compiled)) throw new McprecError('config_invalid', `the pattern ${name} ${compiled.reason}`);
    return { pattern: compiled, keywords: keywords.map((word) => word.toLowerCase()), mark: `pattern:${name}` };
  });
}

/** Where the patterns match in `text`, in order, without overlaps. No hit reaches over a quote or takes half of an escape or a number. */
export function findPatterns(patterns: readonly CompiledPattern[], text: string): Hit[] {
  let folded: string | undefined;
  const hits: Hit[] = [];
  for (const one of patterns) {
    if (one.keywords.length > 0) {
      folded ??= text.toLowerCase();
      if (!one.keywords.some((word) => folded?.includes(word))) continue;
    }
    findIn(text, one, hits);
  }
  return joined(hits.sort((a, b) => a.start - b.start));
}

function findIn(text: string, { pattern, mark }: CompiledPattern, hits: Hit[]): void {
  for (let from = 0; from < text.length; from += WINDOW - OVERLAP) {
    const matcher = pattern.matcher(text.slice(from, from + WINDOW));
    const isLast = from + WINDOW >= text.length;
    while (matcher.find()) {
      const start = matcher.start();
      // The window before has seen what starts with this one, and the one behind sees all of what starts in what they share.
      if (start === 0 && from > 0) continue;
      if (start > WINDOW - OVERLAP && !isLast) break;
      const hit = fitted(text, from + start, from + matcher.end(), mark);
      if (hit !== undefined) hits.push(hit);
    }
    if (isLast) break;
  }
}

// A quote or a mark ends a value, and what takes its place must not stand behind half of an escape, or before the rest of a number.
function fitted(text: string, from: number, to: number, mark: string): Hit | undefined {
  let start = from;
  let end = to;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c !== QUOTE && !(c === OPEN && markEnd(text, i) > 0)) continue;
    end = i;
    break;
  }
  if (isInMark(text, from)) return undefined;
  while (end > start && text.charCodeAt(end - 1) === BACKSLASH) end--;
  if (isEscapeLetter(text, start)) start++;
  while (start > 0 && isDigit(text.charCodeAt(start)) && isNumberPart(text, start - 1)) start--;
  while (end < text.length && isDigit(text.charCodeAt(end - 1)) && isNumberPart(text, end)) end++;
  return end > start ? { start, end, mark } : undefined;
}

function isInMark(text: string, at: number): boolean {
  for (let i = at - 1; i >= 0 && at - i < MARK_LONGEST; i--) if (text.charCodeAt(i) === OPEN) return markEnd(text, i) > at;
  return false;
}

function isEscapeLetter(text: string, at: number): boolean {
  let slashes = 0;
  while (slashes <= at && text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
  return slashes % 2 === 1 && /[bfnrtu]/.test(text.charAt(at));
}

function isNumberPart(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  return isDigit(c) || (c === 0x2e && isDigit(text.charCodeAt(at - 1)) && isDigit(text.charCodeAt(at + 1)));
}

/** Hits that overlap or touch, by their starts, as one each; the longest gives its mark. */
export function joined(hits: readonly Hit[]): Hit[] {
  const out: Hit[] = [];
  for (const hit of hits) {
    const last = out.at(-1);
    if (last === undefined || hit.start >= last.end) {
      out.push(hit);
      continue;
    }
    const longer = hit.end - hit.start > last.end - last.start ? hit : last;
    out[out.length - 1] = { start: last.start, end: Math.max(last.end, hit.end), mark: longer.mark };
  }
  return out;
}
