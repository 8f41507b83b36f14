// `mcprec mask`: a filter from stdin to stdout with the engine of the data path, for plain text, JSON and JSON lines.
import { once } from 'node:events';
import { detectorsDefault } from '../base/detectors.ts';
import { exitCodes } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { compileMasker } from '../mask/compile.ts';
import type { Masker, MaskSettings } from '../mask/masker.ts';
import { parseConfig } from '../policy/parse.ts';
import { readConfigFile } from './config-file.ts';
import { type Io, note } from './io.ts';

export interface MaskOptions {
  /** A gateway.yaml whose `mask` is used; without it the default detectors and no fields. */
  readonly policy?: string;
  /** Says on stderr, at the end, how many values of each kind were masked. */
  readonly report?: boolean;
}

/**
 * Masks stdin to stdout: a JSON document as a whole, else line by line, each as JSON where it is JSON. Holds no more than
 * `limits.maskDocumentUnitsMax` of it. Returns 0, or 130 where interrupted. Throws `config_invalid`, `config_unreadable`.
 */
export async function runMask(options: MaskOptions, io: Io): Promise<number> {
  const filter = new TextFilter(compileMasker(settingsOf(options, io)));
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const write = async (text: string): Promise<void> => {
    if (text !== '' && !io.stdout.write(text)) await once(io.stdout, 'drain', { signal: io.signal });
  };
  for await (const chunk of io.stdin) {
    if (io.signal.aborted) return exitCodes.cancelled;
    await write(filter.push(typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true })));
  }
  await write(filter.push(decoder.decode()) + filter.end());
  if (options.report) note(io, filter.report());
  return 0;
}

function settingsOf(options: MaskOptions, io: Io): MaskSettings {
  if (options.policy === undefined) return { detectors: detectorsDefault, fields: [] };
  const { config } = parseConfig(readConfigFile(options.policy), { file: options.policy, env: io.env });
  return config.mask;
}

const BLOCK_UNITS = 65_536;
const KEY_BEGINS = '-----BEGIN ';
const KEY_ENDS = '-----END ';

/** Masks a text that comes in pieces. Lines are kept together in blocks, so that a key over several lines is seen whole. */
export class TextFilter {
  readonly #masker: Masker;
  readonly #counts = new Map<string, number>();
  #fields = 0;
  #held = '';
  /** What the beginning has shown: one JSON document, or lines. */
  #form: 'unknown' | 'document' | 'lines' = 'unknown';

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  /** Takes the next piece; returns the masked text that is ready. */
  push(piece: string): string {
    this.#held += piece;
    const told = this.#held.length === piece.length || piece.includes('\n') || this.#held.length > limits.maskDocumentUnitsMax;
    if (this.#form === 'unknown' && told) this.#form = formOf(this.#held);
    if (this.#form === 'document' && this.#held.length > limits.maskDocumentUnitsMax) this.#form = 'lines';
    return this.#form !== 'lines' || this.#held.length < BLOCK_UNITS ? '' : this.#block();
  }

  /** The masked text of all that is left. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    if (this.#form === 'document' && isJson(rest)) return this.#mask(rest, 'json');
    return this.#lines(rest);
  }

  /** How many values of each kind were masked, in a line for people. */
  report(): string {
    const kinds = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, n]) => `${kind} ${n}`);
    if (this.#fields > 0) kinds.push(`fields ${this.#fields}`);
    const total = [...this.#counts.values()].reduce((sum, n) => sum + n, this.#fields);
    return total === 0 ? 'nothing was masked' : `masked ${total}: ${kinds.join(', ')}`;
  }

  // Whole lines as far as there are; a line without an end is cut where it gets too long to hold.
  #block(): string {
    const last = this.#held.lastIndexOf('\n') + 1;
    let end = last;
    const key = this.#held.lastIndexOf(KEY_BEGINS, last);
    if (key >= 0 && this.#held.indexOf(KEY_ENDS, key) < 0 && this.#held.length - key < limits.maskDocumentUnitsMax) end = this.#held.lastIndexOf('\n', key) + 1;
    if (end === 0) {
      if (this.#held.length < limits.maskDocumentUnitsMax) return '';
      end = Math.max(this.#held.lastIndexOf(' ') + 1, last) || this.#held.length;
    }
    const ready = this.#held.slice(0, end);
    this.#held = this.#held.slice(end);
    return this.#lines(ready);
  }

  // Lines that are JSON one by one, those between them together.
  #lines(text: string): string {
    let out = '';
    let plain = '';
    for (const line of text.split(/(?<=\n)/)) {
      if (!isJson(line)) {
        plain += line;
        continue;
      }
      out += this.#mask(plain, 'text') + this.#mask(line, 'json');
      plain = '';
    }
    return out + this.#mask(plain, 'text');
  }

  #mask(text: string, form: 'json' | 'text'): string {
    if (text === '') return '';
    const scope = form === 'json' && text.includes('"jsonrpc"') ? 'mcp' : 'free';
    const { text: masked, count, masks } = this.#masker.mask(text, { form, scope, target: 'record' });
    const found = masks.filter(({ kind }) => kind !== 'field');
    for (const { kind } of found) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#fields += count - found.length;
    return masked;
  }
}

// A document begins like one and is not whole by the end of its first line.
function formOf(begun: string): 'unknown' | 'document' | 'lines' {
  const text = begun.trimStart();
  if (text === '') return 'unknown';
  if (text[0] !== '{' && text[0] !== '[') return 'lines';
  const lineEnd = text.indexOf('\n');
  if (lineEnd < 0) return text.length > limits.maskDocumentUnitsMax ? 'lines' : 'unknown';
  return isJson(text.slice(0, lineEnd)) ? 'lines' : 'document';
}

function isJson(text: string): boolean {
  if (!/^\s*[{["]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
