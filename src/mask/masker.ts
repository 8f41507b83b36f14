// What a masker is: compiled once from settings, then run on every message. Types only; `compile.ts` makes one.
import type { DetectorName, FieldAction } from '../base/detectors.ts';
import type { Masked } from '../base/masked.ts';

/** A rule over a place instead of a pattern: `$..password`, `$..attributes.user.*`, or a bare key name. */
export interface FieldRule {
  readonly path: string;
  readonly as?: FieldAction;
}

/** A pattern of the policy's author, in RE2 syntax. */
export interface PatternRule {
  /** Stands in the mark: `[pattern:employee-id]`. */
  readonly name: string;
  readonly pattern: string;
  /** Any case; the pattern is looked for only in texts that have one of them. */
  readonly keywords?: readonly string[];
}

export interface MaskSettings {
  readonly detectors: readonly DetectorName[];
  readonly fields: readonly FieldRule[];
  readonly patterns?: readonly PatternRule[];
}

/** What masking a text did. `text` is the very input where `count` is 0. */
export interface MaskOutcome {
  readonly text: Masked<string>;
  /** How many values were replaced. */
  readonly count: number;
  /** True where nothing was found that any other way of masking the same text would replace. */
  readonly clean: boolean;
  /** What detectors replaced, in order. What a field rule replaced is counted only. */
  readonly masks: readonly Mask[];
}

/** One value that a detector replaced. */
export interface Mask {
  /** What stands in the mark: `email`, `secret:github`, `opaque:120`. */
  readonly kind: string;
  /** Where the replacement starts in the masked text. */
  readonly at: number;
  /** How many UTF-16 units it replaced. */
  readonly replaced: number;
}

/** How a text is to be read. `json`: literals are masked in place, JSON inside strings too; every other byte stays. */
export type MaskForm = 'json' | 'text';

/** Where in an MCP message the text stands, so that what must not be touched (ids, cursors, `requestState`, …) is left alone. */
export type MaskScope = 'mcp' | 'free';

export interface MaskRequest {
  readonly form: MaskForm;
  readonly scope: MaskScope;
  /** `record`: strings, numbers and keys may change. `wire`: string literals, and numbers to 0 (RULES R16). */
  readonly target: 'record' | 'wire';
}

/** What a masker is made of: enough to make the same one in another thread. */
export interface MaskerSource {
  readonly settings: MaskSettings;
  readonly options: MaskerOptions;
}

export interface MaskerOptions {
  /** Key of pseudonyms; only the gateway has one (RULES R3). Without it `pseudonym` is recorded as `redact`. */
  readonly pseudonymKey?: Uint8Array;
}

export interface Masker {
  /** Changes with the engine, its detectors or the settings; stands in every leaf. */
  readonly version: string;
  readonly source: MaskerSource;
  mask(text: string, request: MaskRequest): MaskOutcome;
}
