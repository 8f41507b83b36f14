// The brand of masked values. Only `mask/` makes one; the journal and the store take nothing else.
import type { Brand } from './brand.ts';

/** A value in which every secret and personal datum that the policy names has been replaced. */
export type Masked<T> = Brand<T, 'Masked'>;

/** Marks a value as masked; a test keeps `mask/` the only room that calls this. */
export function markMasked<T>(value: T): Masked<T> {
  return value as Masked<T>;
}
