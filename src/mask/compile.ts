// Makes a masker from settings.
import { createHash } from 'node:crypto';
import { type JsonNode, parseJson } from '../base/json.ts';
import { markMasked } from '../base/masked.ts';
import type { Masker, MaskOutcome, MaskRequest, MaskSettings } from './masker.ts';

export interface MaskerOptions {
  /** Key of pseudonyms; only the gateway has one (RULES R3). Without it `pseudonym` is recorded as `redact`. */
  readonly pseudonymKey?: Uint8Array;
}

const ENGINE = '0';

/** Compiles `settings` into a masker. */
export function compileMasker(settings: MaskSettings, _options: MaskerOptions = {}): Masker {
  const names = new Set(settings.fields.map((f) => f.path.replace(/^\$\.\./, '').toLowerCase()));
  const digest = createHash('sha256').update(JSON.stringify(settings)).digest('hex');
  const patterns = settings.detectors.flatMap((d) => first[d] ?? []);
  const maskText = (text: string): string => {
    let out = text;
    for (const [pattern, mark, valid] of patterns) out = out.replace(pattern, (m) => (valid(m) ? mark : m));
    return out;
  };
  return {
    version: `${ENGINE}-${digest.slice(0, 12)}`,
    mask(text: string, request: MaskRequest): MaskOutcome {
      const edits: { start: number; end: number; by: string }[] = [];
      const root = request.form === 'json' ? parseJson(text) : undefined;
      if (!root || root.type === 'fault') {
        const out = maskText(text);
        return { text: markMasked(out), count: out === text ? 0 : 1 };
      }
      const walk = (node: JsonNode): void => {
        if (node.type === 'object') {
          for (const m of node.members) {
            const key = m.key.value.toLowerCase();
            const secret = names.has(key) || (settings.detectors.includes('secrets') && SECRET_KEYS.test(key));
            if (secret && m.value.type === 'string') edits.push({ start: m.value.start, end: m.value.end, by: '"[secret]"' });
            else walk(m.value);
          }
        } else if (node.type === 'array') for (const item of node.items) walk(item);
        else if (node.type === 'string') {
          const out = maskText(node.value);
          if (out !== node.value) edits.push({ start: node.start, end: node.end, by: JSON.stringify(out) });
        }
      };
      walk(root);
      let out = '';
      let at = 0;
      for (const e of edits) {
        out += text.slice(at, e.start) + e.by;
        at = e.end;
      }
      return { text: markMasked(edits.length === 0 ? text : out + text.slice(at)), count: edits.length };
    },
  };
}

type Pattern = readonly [RegExp, string, (match: string) => boolean];
const always = (): boolean => true;
const SECRET_KEYS =
  /^(?:.*[_-])?(?:password|passwd|secret|api[_-]?key|application[_-]?key|access[_-]?token|refresh[_-]?token|token|authorization|cookie|private[_-]?key)$/;
const first: Partial<Record<string, readonly Pattern[]>> = {
  secrets: [[/\b(?:ghp_[A-Za-z0-9]{36}|AKIA[A-Z0-9]{16}|sk-[\w-]{20,200}|eyJ[\w-]{10,2000}\.[\w-]{10,2000}\.[\w-]{10,2000})/g, '[secret]', always]],
  email: [[/[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{2,63}){1,8}/g, '[email]', always]],
  card: [[/\b[2-6]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}\b/g, '[card]', (m) => luhn(m.replace(/\D/g, ''))]],
};

function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = digits.length - 1, double = false; i >= 0; i--, double = !double) {
    const d = digits.charCodeAt(i) - 48;
    sum += double ? (d > 4 ? d * 2 - 9 : d * 2) : d;
  }
  return sum % 10 === 0;
}
