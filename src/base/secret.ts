// A value that must never be printed. Whatever turns it into text gets `[secret]`; only `reveal` gives it back.
import { inspect } from 'node:util';

const PRINTED = '[secret]';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself: call it where the value is used, and keep what it returns out of variables that live on. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return PRINTED;
  }

  toJSON(): string {
    return PRINTED;
  }

  [inspect.custom](): string {
    return PRINTED;
  }
}
