// One text under the scan: its units, what has been found in it so far.
import type { DetectorName } from '../base/detectors.ts';
import type { MaskForm } from './masker.ts';
import { Quotes } from './quotes.ts';
import { unitsOf } from './units.ts';

/** A place to be replaced; `mark` without its brackets. */
export interface Hit {
  readonly start: number;
  readonly end: number;
  readonly mark: string;
}

export type Enabled = Readonly<Record<DetectorName, boolean>>;

/** What the scan looks for. */
export interface Settings {
  readonly on: Enabled;
  /** Names of fields whose values are masked in plain text too, lower case. */
  readonly names: ReadonlySet<string>;
  /** 1 where the last three letters of a name, as in keynames.ts, are worth a look. */
  readonly lastLetters: Uint8Array;
}

export class Source {
  readonly text: string;
  readonly form: MaskForm;
  readonly on: Enabled;
  readonly names: ReadonlySet<string>;
  readonly units: Uint16Array;
  readonly length: number;
  readonly hits: Hit[] = [];
  /** Places seen before the scan reaches them; it may find other values on its way. In any order. */
  readonly planned: Hit[] = [];
  readonly quotes: Quotes;
  /** Set when a JSON escape spells a character that a value could be made of: the text is read again without escapes. */
  hidden = false;
  /** Set where a name is seen that may be that of a cursor or state. */
  opaque = false;
  /** Up to where the cells of a table have been judged by their columns. */
  tableEnd = 0;
  /** Up to where the line is known to be no head of a table. */
  noHeadBefore = 0;
  /** Offset behind the last hit. */
  hitEnd = 0;
  /** For each kind of word, up to where none was found near: digits in a row need not be asked about again. */
  readonly barren = { phone: 0, phoneWeak: 0, card: 0, ssn: 0 };
  /** Where the letter of an escape such as `\n` stood last: it may as well be the first letter of what follows. */
  escapeLetterAt = -1;

  constructor(text: string, form: MaskForm, engine: Settings) {
    this.text = text;
    this.on = engine.on;
    this.names = engine.names;
    this.form = form;
    this.units = unitsOf(text);
    this.length = text.length;
    this.quotes = new Quotes(text);
  }

  /**
   * Notes a place and returns its end. A hit that begins before an earlier one ends takes the earlier one in. The letter of an
   * escape stays, even where it was read as the first of a word: without it the backslash would escape the mark.
   */
  hit(start: number, end: number, mark: string): number {
    let from = start === this.escapeLetterAt ? start + 1 : start;
    for (let last = this.hits.at(-1); last && last.end > start; last = this.hits.at(-1)) {
      from = Math.min(from, last.start);
      this.hits.pop();
    }
    this.hits.push({ start: from, end, mark });
    this.hitEnd = end;
    return end;
  }
}
