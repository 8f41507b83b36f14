// What the entries of index logs say, gathered: keys, sessions opened and ended, and what was erased or pruned.
import type { LogId } from '../base/ids.ts';
import type { TreeHead } from './checkpoint.ts';
import type { Removed } from './claims.ts';
import type { Leaf } from './leaf.ts';
import { readIndexStatement, readKeyStatement, readRemoval } from './statements.ts';

export class IndexContents {
  /** Keys that checkpoints may be signed with. */
  readonly keys: Uint8Array[] = [];
  readonly opened = new Set<LogId>();
  readonly ended = new Map<LogId, TreeHead>();
  /** Only what a signed checkpoint covers. */
  readonly removed = new Map<LogId, Removed[]>();

  /** Takes the key that an entry may state. Read all of them first: checkpoints in the middle are signed with keys that stand before them. */
  addKey(payload: Uint8Array | undefined): void {
    try {
      this.keys.push(readKeyStatement(payload).slice());
    } catch {
      // Another statement.
    }
  }

  /** Takes one entry; `isSigned` where a signed checkpoint covers it. Throws `leaf_invalid` where its payload is not what its kind asks for. */
  add({ kind, subject, head }: Leaf, payload: Uint8Array | undefined, isSigned: boolean): void {
    switch (kind) {
      case 'index':
        readIndexStatement(payload);
        return;
      case 'opened':
        if (subject !== undefined) this.opened.add(subject);
        return;
      case 'ended':
        if (subject !== undefined && head !== undefined) this.ended.set(subject, head);
        return;
      case 'erasure':
      case 'retention': {
        const { from, to } = readRemoval(payload);
        if (subject !== undefined && isSigned) this.removed.set(subject, [...(this.removed.get(subject) ?? []), { kind, from, to }]);
        return;
      }
      default:
        return;
    }
  }
}
