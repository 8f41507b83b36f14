// What the steps of the data path are told about the session and the hop they run for. Types only.
import type { ConnectionKind, RecordMode } from '../base/connection.ts';
import type { ExchangeId, IdSource } from '../base/ids.ts';
import type { Masker } from '../mask/masker.ts';
import type { Policy } from '../policy/call.ts';

/** One session at one hop. A policy reload or a renewed projection makes a new value. */
export interface PathRules {
  readonly connection: string;
  readonly kind: ConnectionKind;
  readonly record: RecordMode;
  readonly policy: Policy;
  readonly masker: Masker;
  /** True where answers are masked on the wire as well (`mask.apply` names `client`). */
  readonly masksAnswers: boolean;
  /** What to do with an answer that cannot be masked although it must be (DESIGN §4, rule 3). */
  readonly unmaskable: 'refuse' | 'pass';
  /** First 16 bytes of HMAC-SHA-256 under the session's reconcile key (RULES R3). */
  readonly mac: (bytes: Uint8Array) => Uint8Array;
  readonly ids: IdSource;
}

/** What the answer steps need to remember of a request that was let through. */
export interface OpenExchange {
  readonly exchange: ExchangeId;
  /** JSON-RPC methods of the requests in the body, in order; empty for anything but MCP requests. */
  readonly requests: readonly OpenRequest[];
}

export interface OpenRequest {
  readonly idLexeme: string;
  readonly method: string;
}
