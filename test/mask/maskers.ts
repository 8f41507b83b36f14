// The maskers that the tests of this room share.

import { type DetectorName, detectorsDefault } from '../../src/base/detectors.ts';
import { compileMasker } from '../../src/mask/compile.ts';
import type { FieldRule, Masker, MaskRequest } from '../../src/mask/masker.ts';

export const defaults: readonly DetectorName[] = detectorsDefault;

export const standard: Masker = compileMasker({ detectors: defaults, fields: [] });

export function withFields(fields: readonly FieldRule[], pseudonymKey?: Uint8Array): Masker {
  return compileMasker({ detectors: [], fields }, pseudonymKey === undefined ? {} : { pseudonymKey });
}

export const text: MaskRequest = { form: 'text', scope: 'free', target: 'record' };
export const record: MaskRequest = { form: 'json', scope: 'free', target: 'record' };
export const wire: MaskRequest = { form: 'json', scope: 'free', target: 'wire' };
export const mcpRecord: MaskRequest = { form: 'json', scope: 'mcp', target: 'record' };
export const mcpWire: MaskRequest = { form: 'json', scope: 'mcp', target: 'wire' };

export function masked(input: string, request: MaskRequest = text, masker: Masker = standard): string {
  return masker.mask(input, request).text;
}
