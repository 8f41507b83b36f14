// Finds the entries of the journal that have all words of a question. The index names those that may; each is looked at before it counts.
import type { Database } from 'better-sqlite3';
import { McprecError } from '../base/errors.ts';
import { decodeLeaf, type Leaf } from '../evidence/leaf.ts';
import { whenFree } from './busy.ts';
import { type EntryPlace, type EntryPlaceRow, placeOf } from './entry-place.ts';
import { entriesPerLog } from './schema.ts';
import { type EntryTexts, folded, indexedParts, readableNames, searchableText } from './searchable.ts';
import { TextIndex } from './text-index.ts';

/** One entry that has all words. */
export interface Found extends EntryPlace {
  readonly kind: Leaf['kind'];
  readonly direction: Leaf['direction'];
  readonly method?: string;
  readonly tool?: string;
  /** The place of the first word with what stands around it. Hostile. */
  readonly excerpt: string;
}

export interface TextQuery {
  /** Each must be in the entry, in any order. Case and accents do not count; one that ends in `*` may go on. */
  readonly words: readonly string[];
  readonly limit: number;
  /** Told how many entries the index has been given, of how many that it lacked. */
  readonly progress: (done: number, all: number) => void;
}

interface FoundRow extends EntryTexts, EntryPlaceRow {
  readonly leaf: Buffer;
}

const EXCERPT_BEFORE = 12;
const EXCERPT_UNITS = 60;

/** At most `limit` entries, those of the newest session first. Throws `usage` where a word has no letter and no digit, and `journal_*`. */
export function findText(journal: Database, { words, limit, progress }: TextQuery): Found[] {
  const parts = words.map(indexedParts);
  const empty = words.find((_, i) => parts[i]?.length === 0);
  if (words.length === 0 || empty !== undefined) throw new McprecError('usage', `${empty ?? 'nothing'} is no word to look for: it has no letter and no digit`);
  using index = new TextIndex(journal);
  index.catchUp(progress);
  const row = journal.prepare<[number], FoundRow>(
    `SELECT s.session_id, s.connection, s.identity, e.entry_id, e.wall_ms, e.leaf, e.names, e.payload_coding, e.payload
     FROM entries e JOIN sessions s ON s.log_no = e.entry_id / ${entriesPerLog} WHERE e.entry_id = ?`,
  );
  const wanted = words.map((word) => folded(word.endsWith('*') ? word.slice(0, -1) : word));
  const found: Found[] = [];
  for (const entryId of index.having(parts.flat())) {
    const entry = whenFree(journal.name, () => row.get(entryId));
    const text = entry === undefined ? '' : searchableText(entry);
    const plain = folded(text);
    if (entry === undefined || !wanted.every((word) => plain.includes(word))) continue;
    found.push(foundIn(entry, excerptOf(plain.length === text.length ? text : plain, plain.indexOf(wanted[0] ?? ''))));
    if (found.length >= limit) break;
  }
  return found;
}

function foundIn(row: FoundRow, excerpt: string): Found {
  const { exchange, kind, direction } = decodeLeaf(row.leaf);
  const { method, tool } = readableNames(row.names);
  return {
    ...placeOf(row, exchange),
    kind,
    direction,
    ...(method !== undefined && { method }),
    ...(tool !== undefined && { tool }),
    excerpt,
  };
}

function excerptOf(text: string, at: number): string {
  const from = Math.max(0, at - EXCERPT_BEFORE);
  return text.slice(from, from + EXCERPT_UNITS).replace(/\s+/g, ' ');
}
