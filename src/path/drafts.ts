// mask → record: makes the entries of the data path. Everything that comes from the wire passes the masker here.
import type { ExchangeId } from '../base/ids.ts';
import type { EntryDraft, Names } from '../evidence/entry.ts';
import type { Masker, MaskForm, MaskOutcome } from '../mask/masker.ts';
import { maskedBytes, maskValue } from '../mask/value.ts';
import type { Masking } from './masking.ts';
import type { PathRules } from './rules.ts';

/** When something happened, by both clocks. */
export interface Moment {
  readonly wallMs: number;
  readonly monoUs: number;
}

export interface WireFacts {
  readonly exchange: ExchangeId;
  readonly parent?: ExchangeId | undefined;
  readonly at: Moment;
  /** The message as it was on the wire of this hop, for the MAC; undefined where there was none or it was not kept. */
  readonly wire: Uint8Array | undefined;
  /** The MAC of a message that was not kept. */
  readonly mac?: Uint8Array | undefined;
  readonly wireBytes: number;
}

export type Outline = Pick<EntryDraft, 'kind'> & Partial<Pick<EntryDraft, 'direction' | 'message' | 'final' | 'status' | 'failed' | 'decision'>>;

/** The text of a message and how to mask it; undefined where it was not decoded. */
export interface Content {
  readonly text: string;
  readonly form: MaskForm;
  /** What masking it for the wire came to, where that was done. */
  readonly wire?: { readonly masker: Masker; readonly outcome: MaskOutcome } | undefined;
}

/** One entry of the data path. Without content, only length and MAC of the message are kept (RULES R3). */
export function draftEntry(rules: PathRules, facts: WireFacts, outline: Outline, content: Content | undefined, names: Names | undefined): EntryDraft {
  const masked = content === undefined || rules.record !== 'full' ? undefined : maskContent(rules, content);
  const maskedNames = names === undefined ? undefined : maskValue(rules.masker, rules.record === 'full' ? names : withoutArguments(names));
  const mac = facts.mac ?? (facts.wire !== undefined && facts.wire.length > 0 ? rules.mac(facts.wire) : undefined);
  const maskedCount = (masked?.count ?? 0) + (maskedNames?.count ?? 0);
  return {
    ...outline,
    ...facts.at,
    exchange: facts.exchange,
    ...(facts.parent !== undefined && { parent: facts.parent }),
    policyHash: rules.policy.hash,
    maskerVersion: rules.masker.version,
    ...(maskedCount > 0 && { maskedCount }),
    wireBytes: facts.wireBytes,
    ...(mac !== undefined && { mac }),
    // An exchange has one message from the client; what comes back is counted where it is delivered.
    ...(mac !== undefined && outline.direction === 'up' && { messageNumber: 0 }),
    ...(masked !== undefined && { payload: maskedBytes(masked) }),
    ...(maskedNames !== undefined && { names: maskedNames.value }),
  };
}

// A text in which the same masker has found nothing for the wire needs no second look.
function maskContent({ kind, masker }: PathRules, { text, form, wire }: Content): MaskOutcome {
  if (wire?.masker === masker && wire.outcome.clean) return wire.outcome;
  return masker.mask(text, { form, scope: kind === 'mcp' ? 'mcp' : 'free', target: 'record' });
}

/** The same rules with the maskers of one call, for its entries. */
export function recordedBy(rules: PathRules, { record }: Masking): PathRules {
  return record === rules.masker ? rules : { ...rules, masker: record };
}

// `Mcp-Param-*` repeat arguments of the call, which are contents.
function withoutArguments({ headers, ...names }: Names): Names {
  if (headers === undefined) return names;
  return { ...names, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('mcp-param-'))) };
}
