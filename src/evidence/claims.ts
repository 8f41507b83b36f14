// What a store holds and others state of a log: what a verification is given. Nothing in it is trusted. Types only.
import type { ExchangeId, LogId } from '../base/ids.ts';
import type { TreeHead } from './checkpoint.ts';
import type { EntryKind } from './entry.ts';
import type { Committed } from './seal.ts';
import type { Counts } from './tail.ts';

export interface LogHead extends Counts {
  readonly logId: LogId;
  /** Default: a session's. */
  readonly role?: 'session' | 'index';
  readonly size: number;
  readonly root: Uint8Array;
  /** `open` where no last entry is expected yet. */
  readonly state: 'open' | 'closed' | 'crashed';
}

/** What somebody has signed, or an index log states, of a log at one size. */
export interface StatedHead extends TreeHead {
  /** Who, for people: `the checkpoint that this device signed`. */
  readonly by: string;
}

/** A range of entries whose payloads and names may be gone, because a signed entry says so. */
export interface Removed {
  readonly kind: 'erasure' | 'retention';
  readonly from: number;
  /** Not included. */
  readonly to: number;
  /** True where it speaks of another copy: contents may be gone here as well, and need not be. */
  readonly mayStay?: boolean;
}

/** What is known of a log beside its entries and its head. */
export interface Known {
  /** In any order. */
  readonly heads?: readonly StatedHead[];
  readonly removed?: readonly Removed[];
}

/** An entry as the store holds it, nothing in it trusted. */
export interface EntryToVerify {
  /** Where it stands. */
  readonly index: number;
  readonly leaf: Uint8Array;
  /** The stored leaf hash, where the store keeps one. */
  readonly leafHash?: Uint8Array;
  /** Uncompressed; `unreadable` where the store could not undo the compression. */
  readonly payload?: Committed | 'unreadable' | undefined;
  readonly names?: Committed | undefined;
  /** What the store keeps beside the leaf to search by. */
  readonly columns?: { readonly kind?: EntryKind | undefined; readonly wallMs?: number; readonly exchange?: ExchangeId | undefined };
}
