// What the shell of the data path is told about its place: where requests go, how they are dressed, what is remembered. Types only.
import type { ExchangeId } from '../base/ids.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import type { PathRules } from '../path/rules.ts';
import type { ForeignHandle, Handle } from '../protocol/handles.ts';
import type { RawHeaders } from '../protocol/headers.ts';
import type { Refusal } from '../protocol/refusal.ts';
import type { HoldKeeper } from './held.ts';
import type { HopMemory } from './hop-memory.ts';
import type { Upstream, UpstreamRequest } from './upstream.ts';

/** One request on its way to the next hop. */
export interface Outgoing {
  readonly exchange: string;
  readonly parent: string | undefined;
  readonly verb: string;
  /** Path below the connection with its query, e.g. `/mcp?x=1` or `/api/v2/series`. */
  readonly target: string;
  /** The client's headers as they came; `dress` takes off what RULES R1 names. */
  readonly headers: RawHeaders;
  /** True where the answer will be changed on its way and must come unpacked. */
  readonly identityCoding: boolean;
  readonly body: Uint8Array | undefined;
}

/** What an answer of the next hop means before it is delivered. */
export type AnswerVerdict =
  | { readonly kind: 'deliver' }
  /** The next hop refused us, not the client's call; the client is told `reason`. */
  | { readonly kind: 'failure'; readonly reason: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** A message of an upstream, and the exchange that it belongs to. */
export interface ListedMessage {
  readonly text: string;
  readonly exchange: ExchangeId;
}

/** One session at one hop, as the shell needs it. */
export interface Hop {
  /** The rules in force now; a renewed projection replaces them between two requests. */
  readonly rules: PathRules;
  readonly upstream: Upstream;
  /** What outlives one exchange. */
  readonly memory: HopMemory;
  /** `keep` where the client's own credential goes along (solo), so that the upstream's cookies are the client's. Default: `drop`. */
  readonly credentials?: 'keep' | 'drop';
  /** Makes the entries durable, in order. Rejects with a McprecError where it cannot. */
  record(entries: readonly EntryDraft[]): Promise<void>;
  /** Resolves when everything recorded so far is co-signed. Rejects with `witness_missing` where it is not in time. Left out where there is no witness. */
  witnessed?(): Promise<void>;
  /** Before a denial by rules that may be old: this hop with newer ones, or undefined where there are none. Left out where the rules are the hop's own. */
  refreshed?(): Promise<Hop | undefined>;
  /** Why nothing may pass at the moment (grant ended, closing), or undefined. */
  stopped(): Refusal | undefined;
  /** Puts credential, forced query and headers on. */
  dress(outgoing: Outgoing): UpstreamRequest;
  judge(status: number, headers: RawHeaders): AnswerVerdict;
  /** The first handle that is not this identity's (RULES R2), or undefined. */
  foreign(handles: readonly Handle[]): Promise<ForeignHandle | undefined>;
  /** Remembers handles that the upstream gave this identity; durable once it resolves. */
  bind(handles: readonly Handle[]): Promise<void>;
  /** Looks at a message that may hold a list of tools, before it is delivered; left out where nobody remembers them. */
  listed?(message: ListedMessage): Promise<void>;
  /** True where a list of tools that cannot be looked at must not pass. */
  readonly mustReadLists?: boolean;
  /** Who asks a human about a call that a rule holds; left out where nobody can be asked, and such a call is refused. */
  readonly holds?: HoldKeeper;
  /** Tells whoever counts for a status line. */
  counted(event: 'call' | 'denied' | 'failed' | 'held'): void;
}
