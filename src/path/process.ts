// mask → record for what the process of a stdio server does besides answering: it starts, it writes to stderr and to nobody, it ends. Does no IO.
import type { ExchangeId } from '../base/ids.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { draftEntry, type Moment, recordedBy } from './drafts.ts';
import type { PathRules } from './rules.ts';

/** Something that a process did, in words of ours; `text` is what it wrote to stderr. */
export type ProcessNote =
  | { readonly kind: 'started'; readonly what: string }
  | { readonly kind: 'stderr'; readonly text: string; readonly bytes: Uint8Array }
  /** A message that nobody took; without a text where it is too long or none. */
  | { readonly kind: 'unheard'; readonly text: string | undefined; readonly bytes: Uint8Array }
  | { readonly kind: 'ended'; readonly how: string; readonly failed: boolean };

/** Its entry. All entries of one process share an exchange of their own. */
export function draftProcessNote(rules: PathRules, exchange: ExchangeId, at: Moment, note: ProcessNote): EntryDraft {
  const outline = { kind: 'message', direction: 'down', message: 'process' } as const;
  switch (note.kind) {
    case 'started':
      return draftEntry(rules, { exchange, at, wire: undefined, wireBytes: 0 }, outline, undefined, { method: 'process/started', note: note.what });
    case 'stderr': {
      const facts = { exchange, at, wire: note.bytes, wireBytes: note.bytes.length };
      return draftEntry(rules, facts, outline, { text: note.text, form: 'text' }, { method: 'process/stderr' });
    }
    case 'unheard': {
      const facts = { exchange, at, wire: note.bytes, wireBytes: note.bytes.length };
      const content = note.text === undefined ? undefined : ({ text: note.text, form: 'json' } as const);
      return draftEntry(recordedBy(rules, rules.maskingOfUnknown), facts, outline, content, {
        method: 'process/unheard',
        note: 'the client had no stream for this message',
      });
    }
    case 'ended': {
      const end = { ...outline, final: true, ...(note.failed && { failed: true }) };
      return draftEntry(rules, { exchange, at, wire: undefined, wireBytes: 0 }, end, undefined, { method: 'process/ended', note: note.how });
    }
  }
}
