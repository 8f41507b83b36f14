// Looks for values that must not be written down: as they are, and in the codings in which a careless program would keep them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Something to search, and how to name it in a finding. */
export interface Haystack {
  readonly where: string;
  readonly text: string;
}

/** Each value that stands in a haystack, as `value in where`. */
export function findValues(values: readonly string[], haystacks: readonly Haystack[]): string[] {
  return values.flatMap((value) => {
    const forms = formsOf(value);
    return haystacks.flatMap(({ where, text }) => (forms.some((form) => text.includes(form)) ? [`${value} in ${where}`] : []));
  });
}

function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  // The last characters of base64 depend on what follows.
  const base64 = bytes.toString('base64').replace(/.{0,2}=*$/, '');
  return [value, encodeURIComponent(value), bytes.toString('hex'), base64, bytes.toString('utf16le')];
}

/** Every file below a directory, byte for byte (as latin1, which loses none). */
export function filesBelow(directory: string): Haystack[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ where: file, text: readFileSync(file, 'latin1') }));
}
