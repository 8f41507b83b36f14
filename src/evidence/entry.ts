// What an entry of a log says, before it is sealed into a leaf and after it is read back. Types only.
import type { DecisionId, ExchangeId, LogId } from '../base/ids.ts';
import type { Masked } from '../base/masked.ts';
import type { TreeHead } from './checkpoint.ts';

/** The kinds of entries, with the code that stands in the leaf (docs/journal-format.md). Those from `index` on stand in index logs only. */
export const entryKinds = {
  open: 1,
  message: 2,
  decision: 3,
  close: 4,
  crashed: 5,
  gap: 6,
  clock: 7,
  /** What became of a request for an approval: who gave or refused it, that it was used, that it came to nothing. */
  approval: 8,
  heartbeat: 9,
  restart: 10,
  overflow: 11,
  index: 16,
  opened: 17,
  ended: 18,
  'key-change': 19,
  erasure: 20,
  retention: 21,
  /** What became of a request for a grant that has opened no session so far. */
  'grant-request': 22,
} as const;
export type EntryKind = keyof typeof entryKinds;

/** What a message is. `http` is a call that is not MCP; `opaque` is one that could not be decoded: length and MAC only. */
export const messageKinds = {
  request: 1,
  response: 2,
  notification: 3,
  batch: 4,
  http: 5,
  opaque: 6,
  /** The end of an exchange that brought no message of its own: a 202, an ended stream, an abort. */
  end: 7,
  /** What the process of a stdio server did: it started, wrote to stderr, or ended. */
  process: 8,
} as const;
export type MessageKind = keyof typeof messageKinds;

/** From the client to the upstream, or back. */
export const directions = { up: 1, down: 2 } as const;
export type Direction = keyof typeof directions;

export const effects = { allow: 1, deny: 2, hold: 3 } as const;
export type Effect = keyof typeof effects;

/** Caller-supplied names, masked. Stored as JSON text under a commitment of their own; the query fields of an entry. */
export interface Names {
  readonly method?: string;
  readonly tool?: string;
  /** `resources/read` and the like: the URI; an HTTP call: its path with the masked query. */
  readonly uri?: string;
  readonly prompt?: string;
  /** The upstream's message or ours where an exchange ended other than by its answer, e.g. `upstream_unreachable`. */
  readonly note?: string;
  /** Recorded headers, lower-case names; never a credential. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Datadog names with the number of their points or events in the body. */
  readonly metrics?: Readonly<Record<string, number>>;
  readonly checks?: Readonly<Record<string, number>>;
  readonly events?: Readonly<Record<string, number>>;
}

export interface EntryDecision {
  readonly effect: Effect;
  readonly id: DecisionId;
  /** The rule that made it; absent for a plain allow. Caller-independent text from the policy. */
  readonly rule?: string;
}

/** What sealing and storing a payload need, worked out ahead by another thread. */
export interface PreparedPayload {
  /** Of the commitment, 32 bytes. */
  readonly salt: Uint8Array;
  readonly commitment: Uint8Array;
  /** The payload as it is stored. */
  readonly coding: 'identity' | 'zstd';
  readonly bytes: Uint8Array;
}

/** One entry as the data path or a session's shell makes it; the log adds index, nonce, salts and commitments. */
export interface EntryDraft {
  readonly kind: EntryKind;
  readonly wallMs: number;
  readonly monoUs: number;
  readonly exchange?: ExchangeId;
  /** The exchange that this one continues or retries. */
  readonly parent?: ExchangeId;
  readonly direction?: Direction;
  readonly message?: MessageKind;
  /** True on the last entry of its exchange. */
  readonly final?: boolean;
  /** HTTP status of the answer. */
  readonly status?: number;
  /** True where the answer says that the call failed: a JSON-RPC error, `isError`, or a status of 400 and above. */
  readonly failed?: boolean;
  readonly decision?: EntryDecision;
  /** SHA-256 of the policy that decided. */
  readonly policyHash?: Uint8Array;
  readonly maskerVersion?: string;
  /** How many values were masked in payload and names. */
  readonly maskedCount?: number;
  /** Bytes of the message as they were on the wire of this hop. */
  readonly wireBytes: number;
  /** The masked payload: for messages their JSON or text, for `open` and `close` a JSON object. */
  readonly payload?: Masked<Uint8Array>;
  readonly prepared?: PreparedPayload;
  readonly names?: Masked<Names>;
  /** HMAC-SHA-256 of the message's wire bytes under the session's reconcile key, first 16 bytes (RULES R3). */
  readonly mac?: Uint8Array;
  /** Counts the messages of the exchange in one direction from 0. */
  readonly messageNumber?: number;
  /** In an index log: the log that the entry is about. */
  readonly subject?: LogId;
  /** In an index log: how the log that it is about ended. */
  readonly head?: TreeHead;
  /** The newest head of the gateway's tree that this process has seen. */
  readonly seen?: TreeHead;
}

/** Where entries go: a journal's or a store's session log. Resolves when they are durable, in the order given. */
export interface EntrySink {
  append(drafts: readonly EntryDraft[]): Promise<void>;
}
