// A selected line in a window on a long list, and the words that filter the list. Pure state.
import { isPrintable } from './keys.ts';

export class Cursor {
  /** Index of the selected line. */
  at = 0;
  /** Index of the first line in the window. */
  top = 0;

  /** Moves where `key` is one that moves; false where it is not. */
  press(key: string, count: number, height: number): boolean {
    const steps: Readonly<Record<string, number>> = {
      up: -1,
      k: -1,
      down: 1,
      j: 1,
      pageUp: -height,
      pageDown: height,
      ' ': height,
      home: -count,
      g: -count,
      end: count,
      G: count,
    };
    const step = Object.hasOwn(steps, key) ? steps[key] : undefined;
    if (step === undefined) return false;
    this.select(this.at + step, count, height);
    return true;
  }

  /** Selects the line nearest to `index` and brings it into the window. */
  select(index: number, count: number, height: number): void {
    this.at = Math.max(0, Math.min(index, count - 1));
    const lastTop = Math.max(0, count - height);
    this.top = Math.max(0, Math.min(this.top, this.at, lastTop), Math.min(this.at - height + 1, lastTop));
  }
}

export class Filter {
  text = '';
  /** True while what is typed goes into the filter. */
  typing = false;

  /** The words in lower case, all of which a line must hold. */
  get words(): string[] {
    return this.text
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
  }

  /** Takes a key; false where it is not the filter's. */
  press(key: string): boolean {
    if (!this.typing) {
      if (key === 'escape' && this.text !== '') this.text = '';
      else if (key === '/') this.typing = true;
      else return false;
      return true;
    }
    if (key === 'enter') this.typing = false;
    else if (key === 'escape') this.clear();
    else if (key === 'backspace') {
      if (this.text === '') this.typing = false;
      this.text = Array.from(this.text).slice(0, -1).join('');
    } else if (isPrintable(key)) this.text += key;
    else return false;
    return true;
  }

  clear(): void {
    this.text = '';
    this.typing = false;
  }
}

/** Keeps of `items` those whose text holds every word of the filter. A text is made once per item, a result once per list and filter. */
export class Matcher<T extends object> {
  readonly #textOf: (item: T) => string;
  readonly #texts = new WeakMap<T, string>();
  #last: { readonly items: readonly T[]; readonly words: string; readonly kept: readonly T[] } | undefined;

  constructor(textOf: (item: T) => string) {
    this.#textOf = textOf;
  }

  keep(items: readonly T[], words: readonly string[]): readonly T[] {
    if (words.length === 0) return items;
    const joined = words.join(' ');
    if (this.#last?.items !== items || this.#last.words !== joined) {
      const kept = items.filter((item) => {
        const text = this.#text(item);
        return words.every((word) => text.includes(word));
      });
      this.#last = { items, words: joined, kept };
    }
    return this.#last.kept;
  }

  #text(item: T): string {
    let text = this.#texts.get(item);
    if (text === undefined) {
      text = this.#textOf(item).toLowerCase();
      this.#texts.set(item, text);
    }
    return text;
  }
}
