// Names keys: a printable character is itself, every other key one of the words below.

/** What Ink reports of a key press. */
export interface PressedKey {
  readonly upArrow: boolean;
  readonly downArrow: boolean;
  readonly leftArrow: boolean;
  readonly rightArrow: boolean;
  readonly pageUp: boolean;
  readonly pageDown: boolean;
  readonly home: boolean;
  readonly end: boolean;
  readonly return: boolean;
  readonly escape: boolean;
  readonly tab: boolean;
  readonly backspace: boolean;
  readonly delete: boolean;
  readonly ctrl: boolean;
  readonly meta: boolean;
}

const NAMED: readonly (readonly [keyof PressedKey, string])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageUp'],
  ['pageDown', 'pageDown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['tab', 'tab'],
  ['backspace', 'backspace'],
  ['delete', 'backspace'],
];

/** The keys of one report: keys that were typed fast, or pasted, come together. */
export function readKeys(input: string, key: PressedKey): string[] {
  const named = NAMED.find(([name]) => key[name]);
  if (named !== undefined) return [named[1]];
  if (key.ctrl || key.meta) return [];
  return Array.from(input).flatMap((character) => {
    if (character === '\r' || character === '\n') return ['enter'];
    if (character === '\t') return ['tab'];
    return isPrintable(character) ? [character] : [];
  });
}

/** True for a character that can be typed into a filter. */
export function isPrintable(key: string): boolean {
  return Array.from(key).length === 1 && !/\p{C}/u.test(key);
}
