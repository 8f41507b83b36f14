// Recorded text is hostile (RULES R12): this is the one function that makes it safe to print.

// Control characters but tab and line feed, bidirectional controls, zero-width and other invisible characters, line separators.
const DANGEROUS =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;
const LINE_BREAKS = /[\t\n]/g;

function visible(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** `text` with every character that could move a cursor, hide or reorder text written as `\u{…}`; tabs and line feeds stay. */
export function escapeHostile(text: string): string {
  return text.toWellFormed().replace(DANGEROUS, visible);
}

/** The same for one line of output: tabs and line feeds are written out too. */
export function escapeHostileLine(text: string): string {
  return escapeHostile(text).replace(LINE_BREAKS, (c) => (c === '\n' ? '\\n' : '\\t'));
}

/** A JSON text that says the same, with every such character in its strings written as a `\uXXXX` escape, so that it may be shown too. */
export function escapeHostileJson(json: string): string {
  return json.toWellFormed().replace(DANGEROUS, (character) => {
    let escaped = '';
    for (let i = 0; i < character.length; i++) escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
    return escaped;
  });
}
