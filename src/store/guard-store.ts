// What a store remembers of proofs, upstream handles and tools. Types only.
import type { SessionId } from '../base/ids.ts';
import type { Masked } from '../base/masked.ts';

/** A tool of a connection, by MACs: its name, the form that is known of it, and the one that it has now where nobody has accepted that. */
export interface SeenTool {
  readonly tool: Uint8Array;
  readonly known: Uint8Array;
  readonly changed: Uint8Array | undefined;
  /** What its server says of it in that form, as JSON. */
  readonly definition: Masked<string> | undefined;
}

export interface GuardStore {
  /** Notes that a proof was used; false where it was used before. */
  spendProof(proof: Uint8Array, expiresMs: number): Promise<boolean>;
  /** Keeps handles by their MACs until `expiresMs`; durable once it resolves. */
  keepHandles(macs: readonly Uint8Array[], expiresMs: number): Promise<void>;
  /** When the handle with this MAC expires, or undefined where it is not kept. */
  handleExpiry(mac: Uint8Array, nowMs: number): Promise<number | undefined>;
  /** Every tool that was ever seen. */
  tools(): Promise<readonly SeenTool[]>;
  /** Notes how tools look, in place of what was noted of them before. */
  keepTools(tools: readonly SeenTool[]): Promise<void>;
  /** Notes how many calls of a budget a session has spent, in place of what was noted before; forgotten when the session ends. */
  keepBudget(sessionId: SessionId, budget: string, calls: number): Promise<void>;
  /** By budget, the calls that a session has spent. */
  budgets(sessionId: SessionId): Promise<ReadonlyMap<string, number>>;
  /** Drops what has expired. */
  sweep(nowMs: number): Promise<void>;
}
