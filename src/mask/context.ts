// The words near a number that say what it is. Each text is searched once for each kind of word, and only as far as asked.
import { lastMark } from './marker.ts';
import type { Hit } from './source.ts';

const OPTIONAL_NUMBER = '(?:[ _-]?(?:numbers?|num|nos?|nr))?(?![a-z])';

const words = {
  /** Enough for a number written as digits only. */
  phone: new RegExp(
    `phone|msisdn|whatsapp|voicemail|landline|hotline|(?<![a-z])(?:tel|mob|mobile|cell|cellular|fax|gsm|sms|t[ée]l|telefono|telefon|handy|celular|mobil|call (?:me|us|him|her|them)|text (?:me|us))${OPTIONAL_NUMBER}`,
    'gi',
  ),
  /** Enough for a number written in groups. */
  phoneWeak: /(?<![a-z])(?:call|contact|reach|ring|dial|office|desk|home|work|pager|text|speak|callback)(?![a-z])/gi,
  card: /(?<!dis|wild|score|flash|post|dash|time|sim[ _-]?)card(?!inal|i[ao]|s\b.{0,3}per)|visa(?![a-z])|amex|american express|maestro|diners|unionpay|(?<![a-z])(?:pan|cc|ccn|ccnum|jcb|debit|credit)(?![a-z])/gi,
  ssn: /(?<![a-z])(?:ssn|itin|tin|ss ?#)|[a-z_]ssn(?![a-z])|social[ _-]?sec|soc\.? sec|social (?:number|no|#)|tax(?:payer)?[ _-]?id/gi,
  iban: /iban|account/gi,
} as const;
export type ContextKind = keyof typeof words;

interface Reach {
  /** How far a word may stand before the number, counted from the word's end. */
  readonly before: number;
  /** How far behind the number; 0 means that no word behind it counts. */
  readonly after: number;
}

const reaches: Readonly<Record<ContextKind, Reach>> = {
  phone: { before: 40, after: 12 },
  phoneWeak: { before: 24, after: 8 },
  card: { before: 64, after: 0 },
  ssn: { before: 40, after: 10 },
  iban: { before: 40, after: 0 },
};

const SAME_KIND_REACH = 8;
const MARK_OF: Readonly<Record<ContextKind, string>> = { phone: 'phone', phoneWeak: 'phone', card: 'card', ssn: 'ssn', iban: 'iban' };

interface Progress {
  readonly pattern: RegExp;
  /** Bounds of the last word that starts before where was asked, and of the first one behind. */
  lastStart: number;
  lastEnd: number;
  nextStart: number;
  nextEnd: number;
}

export class ContextWords {
  readonly #text: string;
  readonly #hits: readonly Hit[];
  readonly #progress = new Map<ContextKind, Progress>();

  constructor(text: string, hits: readonly Hit[]) {
    this.#text = text;
    this.#hits = hits;
  }

  /**
   * True where a word of `kind` stands near `start`…`end`, or a masked value of that kind just before. Asked from left to
   * right. A masked value ends the reach, so that masking a masked text finds nothing new.
   */
  near(kind: ContextKind, start: number, end: number): boolean {
    const reach = reaches[kind];
    const name = MARK_OF[kind];
    const hit = this.#hits.at(-1);
    if (hit && hit.end <= start && start - hit.end <= SAME_KIND_REACH && hit.mark === name) return true;
    if (lastMark(this.#text, start - SAME_KIND_REACH, start)?.name === name) return true;
    const at = this.#advance(kind, start);
    const lowest = start - reach.before;
    if (at.lastEnd > lowest && at.lastEnd >= 0) {
      const barrier = Math.max(hit?.end ?? 0, lastMark(this.#text, lowest, start)?.end ?? 0, nameStart(this.#text, start));
      if (at.lastStart >= barrier) return true;
    }
    return at.nextStart <= end + reach.after && reach.after > 0 && !this.#text.slice(end, at.nextStart).includes('[');
  }

  #advance(kind: ContextKind, start: number): Progress {
    let at = this.#progress.get(kind);
    if (!at) {
      at = { pattern: words[kind], lastStart: -1, lastEnd: -1, nextStart: -1, nextEnd: 0 };
      this.#progress.set(kind, at);
    }
    while (at.nextStart < start) {
      at.lastStart = at.nextStart;
      at.lastEnd = at.nextEnd;
      at.pattern.lastIndex = at.nextEnd;
      const found = at.pattern.exec(this.#text);
      at.nextStart = found ? found.index : Number.POSITIVE_INFINITY;
      at.nextEnd = found ? at.pattern.lastIndex : Number.POSITIVE_INFINITY;
    }
    return at;
  }
}

const NAME_MAX = 48;
// `"name":` or `name=` right before a value, at any depth of escaping.
const NAME = /(?:^|["'{,\s(?&;[])([^"'{,\s(?&;[\\=]{1,40})(?:\\{0,3}["']\s?:|=)\s?\\{0,3}["']?[+(]{0,2}$/;
// Names that say nothing: what they hold is named elsewhere.
const ANY_NAME = /^(?:value|val|v|number|num|no|text|data|content|name|message|msg|body|input|query|q|arg\w*|param\w*)$/i;

// Where the name of the value at `start` begins, or 0: words before the name speak of another value.
function nameStart(text: string, start: number): number {
  const from = Math.max(0, start - NAME_MAX);
  const found = NAME.exec(text.slice(from, start));
  if (!found || ANY_NAME.test(found[1] ?? '')) return 0;
  return from + found.index + found[0].indexOf(found[1] ?? '');
}
