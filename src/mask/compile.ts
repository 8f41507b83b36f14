// Makes a masker from settings, and runs its steps on a text: fields, the scan, the places that stay, the new text.
import { createHash } from 'node:crypto';
import { detectorNames } from '../base/detectors.ts';
import type { JsonNode } from '../base/json.ts';
import { markMasked } from '../base/masked.ts';
import { findAddresses } from './address.ts';
import { compileFields, type FieldRules, maskFields } from './fields.ts';
import { markEnd } from './marker.ts';
import type { Mask, Masker, MaskerOptions, MaskOutcome, MaskRequest, MaskSettings } from './masker.ts';
import { type CompiledPattern, compilePatterns, findPatterns, joined } from './patterns.ts';
import { findPersons } from './person.ts';
import { placeInJson, placeInText, type Replacement } from './places.ts';
import { type ProtocolSpans, protocolSpans } from './protocol.ts';
import { scan } from './scan.ts';
import type { Enabled, Hit } from './source.ts';
import { plainView } from './view.ts';

// Raised with every change of what is found or how it is marked.
const ENGINE = 3;

/** Compiles `settings` into a masker. Throws `config_invalid` for a field path that cannot be read and a pattern that RE2 does not take. */
export function compileMasker(settings: MaskSettings, options: MaskerOptions = {}): Masker {
  const on = Object.fromEntries(detectorNames.map((name) => [name, settings.detectors.includes(name)])) as Enabled;
  const fields = compileFields(settings.fields, options.pseudonymKey);
  const patterns = compilePatterns(settings.patterns ?? []);
  const digest = createHash('sha256')
    .update(JSON.stringify([settings.detectors.toSorted(), settings.fields, settings.patterns ?? [], options.pseudonymKey !== undefined]))
    .digest('hex');
  return {
    version: `${ENGINE}-${digest.slice(0, 12)}`,
    source: { settings, options },
    mask: (text, request) => maskText({ on, fields, patterns }, text, request),
  };
}

interface Engine {
  readonly on: Enabled;
  readonly fields: FieldRules;
  readonly patterns: readonly CompiledPattern[];
}

function maskText(engine: Engine, text: string, request: MaskRequest): MaskOutcome {
  const fielded = applyFields(engine, text, request);
  let clean = fielded.count === 0;
  let outcome: Spliced = { text: fielded.text, masks: [] };
  // What stood glued to a value may be seen for what it is once the value is gone. Each pass ends in marks, so a few are enough.
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const { hits, untouched } = findHits(engine, outcome.text, request);
    clean &&= untouched;
    const replacements = request.form === 'json' ? placeInJson(outcome.text, hits, request.target) : placeInText(outcome.text, hits, request.target);
    if (replacements.length === 0) break;
    const glued = replacements.some((one) => isGlued(outcome.text, one));
    outcome = splice(outcome, replacements);
    if (!glued) break;
  }
  return { text: markMasked(outcome.text), count: fielded.count + outcome.masks.length, clean, masks: outcome.masks };
}

const PASSES_MAX = 4;

// Next to what could be a part of another value; of digits, also behind a space.
const GLUED_BEFORE = /(?:[\p{L}\p{N}_.:/@+%~#&=()-]|\d\s)$/u;
const GLUED_BEHIND = /^(?:[\p{L}\p{N}_.:/@+%~#&=()-]|\s\d)/u;

function isGlued(text: string, { start, end }: Replacement): boolean {
  return GLUED_BEFORE.test(text.slice(Math.max(0, start - 2), start)) || GLUED_BEHIND.test(text.slice(end, end + 2));
}

function applyFields({ fields }: Engine, text: string, request: MaskRequest): { readonly text: string; readonly count: number } {
  if (request.form !== 'json' || fields.rules.length === 0 || !fields.hint.test(text)) return { text, count: 0 };
  const left = request.scope === 'mcp' ? protocolSpans(text) : undefined;
  const starts = new Set([...(left?.leave ?? []), ...(left?.opaque ?? [])].map((span) => span.start));
  return maskFields(fields, text, request.target, (node: JsonNode) => starts.has(node.start));
}

interface Found {
  readonly hits: readonly Hit[];
  /** Nothing at all was found, not even what is left in place. */
  readonly untouched: boolean;
}

function findHits(engine: Engine, text: string, request: MaskRequest): Found {
  const settings = { on: engine.on, names: engine.fields.names, lastLetters: engine.fields.lastLetters };
  // Where nothing is looked for, only what the protocol keeps opaque is left to find.
  if (findsNothing(engine) && !MAY_BE_OPAQUE.test(text)) return { hits: [], untouched: true };
  let { hits, hidden, opaque } = scan(text, request.form, settings);
  if (hidden) {
    const view = plainView(text);
    const again = scan(view.text, request.form, settings);
    hits = view.back(withOptional(engine, view.text, again.hits));
    opaque = again.opaque;
  } else hits = withOptional(engine, text, hits);
  const untouched = hits.length === 0 && !opaque;
  if (request.scope !== 'mcp' || request.form !== 'json' || untouched) return { hits, untouched };
  return { hits: withProtocol(text, hits, protocolSpans(text), request.target), untouched };
}

// Or an escape, which could spell the name of one.
const MAY_BE_OPAQUE = /requestState|[cC]ursor|\\u/;

function findsNothing({ on, fields, patterns }: Engine): boolean {
  return patterns.length === 0 && fields.names.size === 0 && !Object.values(on).includes(true);
}

// What has to be asked for: the author's patterns, which join with what they touch, and two detectors that are less sure and yield.
function withOptional({ on, patterns }: Engine, text: string, sureHits: readonly Hit[]): readonly Hit[] {
  const marked = patterns.length === 0 ? [] : findPatterns(patterns, text);
  const hits = marked.length === 0 ? sureHits : joined([...sureHits, ...marked].sort((a, b) => a.start - b.start));
  if (!on.person && !on.address) return hits;
  const more = [...(on.address ? findAddresses(text) : []), ...(on.person ? findPersons(text) : [])].sort((a, b) => a.start - b.start);
  const all: Hit[] = [];
  let next = 0;
  for (const hit of more) {
    for (let sure = hits[next]; sure && sure.start < hit.end; sure = hits[++next]) all.push(sure);
    if ((all.at(-1)?.end ?? 0) <= hit.start) all.push(hit);
  }
  return [...all, ...hits.slice(next)];
}

// Hits in what the protocol needs are left out; in the record, what is opaque is replaced whole.
function withProtocol(text: string, hits: readonly Hit[], spans: ProtocolSpans, target: MaskRequest['target']): readonly Hit[] {
  const left = [...spans.leave, ...spans.opaque].sort((a, b) => a.start - b.start);
  if (left.length === 0) return hits;
  const kept = hits.filter((hit) => !left.some((span) => hit.start < span.end && hit.end > span.start));
  if (target === 'wire') return kept;
  const opaque = spans.opaque
    .filter((span) => span.end - span.start > 2 && markEnd(text, span.start + 1) !== span.end - 1)
    .map((span) => ({ start: span.start + 1, end: span.end - 1, mark: `opaque:${span.end - span.start - 2}` }));
  return [...kept, ...opaque].sort((a, b) => a.start - b.start);
}

interface Spliced {
  readonly text: string;
  readonly masks: readonly Mask[];
}

// Puts the replacements in, and moves the masks of earlier passes to where they stand now.
function splice(before: Spliced, replacements: readonly Replacement[]): Spliced {
  const masks: Mask[] = [];
  let next = 0;
  let out = '';
  let at = 0;
  const keepUpTo = (offset: number): void => {
    for (let mask = before.masks[next]; mask && mask.at < offset; mask = before.masks[++next]) {
      if (mask.at >= at) masks.push({ ...mask, at: mask.at - at + out.length });
    }
  };
  for (const { start, end, by, mark } of replacements) {
    keepUpTo(start);
    out += before.text.slice(at, start);
    masks.push({ kind: mark, at: out.length, replaced: end - start });
    out += by;
    at = end;
  }
  keepUpTo(before.text.length + 1);
  return { text: out + before.text.slice(at), masks };
}
