// Makes a masker from settings, and runs its steps on a text: fields, the scan, the places that stay, the new text.
import { createHash } from 'node:crypto';
import type { JsonNode } from '../base/json.ts';
import { type Masked, markMasked } from '../base/masked.ts';
import { compileFields, type FieldRules, maskFields } from './fields.ts';
import { markEnd } from './marker.ts';
import type { Mask, Masker, MaskOutcome, MaskRequest, MaskSettings } from './masker.ts';
import { detectorNames } from './masker.ts';
import { placeInJson, placeInText, type Replacement } from './places.ts';
import { type ProtocolSpans, protocolSpans } from './protocol.ts';
import { scan } from './scan.ts';
import type { Enabled, Hit } from './source.ts';
import { unescapedView } from './view.ts';

export interface MaskerOptions {
  /** Key of pseudonyms; only the gateway has one (RULES R3). Without it `pseudonym` is recorded as `redact`. */
  readonly pseudonymKey?: Uint8Array;
}

// Raised with every change of what is found or how it is marked.
const ENGINE = 1;

/** Compiles `settings` into a masker. Throws `config_invalid` for a field path that cannot be read. */
export function compileMasker(settings: MaskSettings, options: MaskerOptions = {}): Masker {
  const on = Object.fromEntries(detectorNames.map((name) => [name, settings.detectors.includes(name)])) as Enabled;
  const fields = compileFields(settings.fields, options.pseudonymKey);
  const digest = createHash('sha256')
    .update(JSON.stringify([settings.detectors.toSorted(), settings.fields, options.pseudonymKey !== undefined]))
    .digest('hex');
  return {
    version: `${ENGINE}-${digest.slice(0, 12)}`,
    mask: (text, request) => maskText({ on, fields }, text, request),
  };
}

interface Engine {
  readonly on: Enabled;
  readonly fields: FieldRules;
}

function maskText(engine: Engine, text: string, request: MaskRequest): MaskOutcome {
  const fielded = applyFields(engine, text, request);
  const hits = findHits(engine, fielded.text, request);
  const replacements = request.form === 'json' ? placeInJson(fielded.text, hits, request.target) : placeInText(fielded.text, hits, request.target);
  if (replacements.length === 0) return { text: markMasked(fielded.text), count: fielded.count, masks: [] };
  return { ...splice(fielded.text, replacements), count: fielded.count + replacements.length };
}

function applyFields({ fields }: Engine, text: string, request: MaskRequest): { readonly text: string; readonly count: number } {
  if (request.form !== 'json' || fields.rules.length === 0 || !fields.hint.test(text)) return { text, count: 0 };
  const left = request.scope === 'mcp' ? protocolSpans(text) : undefined;
  const starts = new Set([...(left?.leave ?? []), ...(left?.opaque ?? [])].map((span) => span.start));
  return maskFields(fields, text, request.target, (node: JsonNode) => starts.has(node.start));
}

function findHits({ on, fields }: Engine, text: string, request: MaskRequest): readonly Hit[] {
  const settings = { on, names: fields.names };
  let { hits, hidden, opaque } = scan(text, request.form, settings);
  if (hidden) {
    const view = unescapedView(text);
    const again = scan(view.text, request.form, settings);
    hits = view.back(again.hits);
    opaque = again.opaque;
  }
  if (request.scope !== 'mcp' || request.form !== 'json') return hits;
  if (hits.length === 0 && !(opaque && request.target === 'record')) return hits;
  return withProtocol(text, hits, protocolSpans(text), request.target);
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

function splice(text: string, replacements: readonly Replacement[]): { readonly text: Masked<string>; readonly masks: readonly Mask[] } {
  const masks: Mask[] = [];
  let out = '';
  let at = 0;
  for (const { start, end, by, mark } of replacements) {
    out += text.slice(at, start);
    masks.push({ kind: mark, at: out.length, replaced: end - start });
    out += by;
    at = end;
  }
  return { text: markMasked(out + text.slice(at)), masks };
}
