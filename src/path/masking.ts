// Which masker meets what: the record, answers on their way to the client, requests on their way to the upstream. `mask` rules
// of the policy add to the session's own for the calls they hold for.
import { createHmac } from 'node:crypto';
import type { MaskPlace } from '../base/detectors.ts';
import { compileMasker } from '../mask/compile.ts';
import type { Masker, MaskSettings } from '../mask/masker.ts';
import type { CallMask } from '../policy/call.ts';

/** The maskers of one call. Undefined: nothing is masked there. */
export interface Masking {
  readonly record: Masker;
  readonly client: Masker | undefined;
  readonly upstream: Masker | undefined;
  /** Ids of the rules that added something. */
  readonly rules: readonly string[];
}

export interface MaskingParts {
  readonly settings: MaskSettings;
  /** Where the session's own settings apply. */
  readonly apply: readonly MaskPlace[];
  readonly pseudonymKey: Uint8Array | undefined;
  /** True at the hop that masks the wire: the gateway, or the forwarder where there is none. */
  readonly masksWire: boolean;
}

/** Sets of rules are few; past so many something is odd, and they are compiled anew. */
const SETS_KEPT_MAX = 256;

/** The maskers of a session, by what the policy's rules add to them. Compiled when first asked for. */
export class Maskings {
  readonly own: Masking;
  readonly #parts: MaskingParts;
  readonly #sets = new Map<string, Masking>();

  /** Throws `config_invalid` for settings that cannot be compiled. */
  constructor(parts: MaskingParts) {
    this.#parts = parts;
    this.own = this.#compile([]);
  }

  /** The maskers of a call for which the policy's `masks` hold. */
  of(masks: readonly CallMask[] | undefined): Masking {
    if (masks === undefined || masks.length === 0) return this.own;
    const key = JSON.stringify(masks.map((mask) => mask.rule));
    const kept = this.#sets.get(key);
    if (kept !== undefined) return kept;
    if (this.#sets.size >= SETS_KEPT_MAX) this.#sets.clear();
    const made = this.#compile(masks);
    this.#sets.set(key, made);
    return made;
  }

  #compile(masks: readonly CallMask[]): Masking {
    const { masksWire, settings } = this.#parts;
    const record = this.#compileMasker(this.#settingsFor('record', masks) ?? settings);
    const wire = (place: MaskPlace): Masker | undefined => {
      const asked = masksWire ? this.#settingsFor(place, masks) : undefined;
      if (asked === undefined) return undefined;
      const made = this.#compileMasker(asked);
      // One masker need not look at a text twice.
      return made.version === record.version ? record : made;
    };
    return { record, client: wire('client'), upstream: wire('upstream'), rules: masks.map((mask) => mask.rule) };
  }

  /** What is looked for at a place; undefined where nothing is. */
  #settingsFor(place: MaskPlace, masks: readonly CallMask[]): MaskSettings | undefined {
    const { settings, apply } = this.#parts;
    const adding = masks.filter((mask) => mask.apply.includes(place));
    const own = apply.includes(place);
    if (adding.length === 0) return own ? settings : undefined;
    return {
      detectors: [...new Set([...(own ? settings.detectors : []), ...adding.flatMap((mask) => mask.detectors)])],
      fields: [...adding.flatMap((mask) => mask.fields), ...(own ? settings.fields : [])],
      ...(own && settings.patterns !== undefined && { patterns: settings.patterns }),
    };
  }

  #compileMasker(settings: MaskSettings): Masker {
    const { pseudonymKey } = this.#parts;
    return compileMasker(settings, pseudonymKey === undefined ? {} : { pseudonymKey });
  }
}

/** The key of one epoch's pseudonyms: those of two epochs cannot be linked. `epochMs` is an epoch's length. */
export function epochKey(key: Uint8Array, epochMs: number, wallMs: number): Uint8Array {
  return createHmac('sha256', key)
    .update(`mcprec-pseudonym-epoch-v1\n${epochMs}\n${Math.floor(wallMs / epochMs)}`)
    .digest();
}
