// Masks whole values instead of texts, and makes the few `Masked` things that no masker has to look at.
import type { Masked } from '../base/masked.ts';
import { markMasked } from '../base/masked.ts';
import type { Masker, MaskOutcome } from './masker.ts';

/** A masked value and how many values in it were replaced. */
export interface MaskedValue<T> {
  readonly value: Masked<T>;
  readonly count: number;
}

/**
 * Masks every string and key of a plain JSON value, key names giving context as they do in a message. A number comes back
 * as a string where it was a card number or stood under a secret's name. `undefined` members are left out.
 */
export function maskValue<T>(masker: Masker, value: T): MaskedValue<T> {
  const json = JSON.stringify(value);
  const { text, count } = masker.mask(json, { form: 'json', scope: 'free', target: 'record' });
  return { value: markMasked(count === 0 ? value : (JSON.parse(text) as T)), count };
}

/** The UTF-8 bytes of a masked text, as journals and stores take them. */
export function maskedBytes(outcome: MaskOutcome): Masked<Uint8Array> {
  return markMasked(new Uint8Array(Buffer.from(outcome.text, 'utf8')));
}

/** The bytes that `maskedBytes` gave in another thread. */
export function maskedElsewhere(bytes: Uint8Array): Masked<Uint8Array> {
  return markMasked(bytes);
}

/**
 * JSON of what a process of ours states about a session. `stated` (identity, connection, device, times) is recorded as it
 * is, because who did it is what the record is for; `given` (a reason typed by a person, names of programs) is masked.
 */
export function statementBytes(masker: Masker, stated: Readonly<Record<string, unknown>>, given: Readonly<Record<string, unknown>>): Masked<Uint8Array> {
  return markMasked(new Uint8Array(Buffer.from(statementText(masker, stated, given), 'utf8')));
}

/** The same as text. What is masked already may be among what is stated. */
export function statementText(masker: Masker, stated: Readonly<Record<string, unknown>>, given: Readonly<Record<string, unknown>>): Masked<string> {
  return markMasked(JSON.stringify({ ...stated, ...maskValue(masker, given).value }));
}

/** JSON of what mcprec states about its own logs: nothing in it was typed by a person or came from the wire. */
export function ownStatement(stated: object): Masked<Uint8Array> {
  return markMasked(new Uint8Array(Buffer.from(JSON.stringify(stated), 'utf8')));
}
