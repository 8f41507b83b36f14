// What mcprec itself writes to a log or a terminal: texts of errors may hold what somebody sent. Addresses of machines stay, because without
// them such a line is of no help.
import { detectorsDefault } from '../base/detectors.ts';
import { compileMasker } from './compile.ts';
import type { Masker } from './masker.ts';

let masker: Masker | undefined;

function own(): Masker {
  masker ??= compileMasker({ detectors: detectorsDefault.filter((name) => name !== 'ip'), fields: [] });
  return masker;
}

/** A text of ours as it may be printed. */
export function maskPrinted(text: string): string {
  return own().mask(text, { form: 'text', scope: 'free', target: 'record' }).text;
}

/** A line of a log in JSON as it may be written. */
export function maskLogged(line: string): string {
  return own().mask(line, { form: 'json', scope: 'free', target: 'record' }).text;
}
