// What a gateway keeps of requests for approvals: of grants, and of calls that a rule holds. Types only.
import type { ApprovalId, EventId, ExchangeId, SessionId } from '../base/ids.ts';
import type { Masked } from '../base/masked.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import type { Owner } from './store.ts';

/**
 * What became of it (RULES R10). `pending` and `approved` are open: the first waits for approvers, the second to be used. `superseded`: a
 * deny, or another rule, holds now; `unused`: approved, and not used in time.
 */
export type ApprovalState = 'pending' | 'approved' | 'used' | 'refused' | 'expired' | 'unused' | 'withdrawn' | 'superseded' | 'session_ended';
export type OpenState = Extract<ApprovalState, 'pending' | 'approved'>;

export interface Requester extends Owner {
  readonly email?: string;
}

export interface Vote extends Requester {
  readonly atMs: number;
}

/** One request for an approval. Times are milliseconds since the epoch. */
export interface Approval {
  readonly approvalId: ApprovalId;
  readonly kind: 'call' | 'grant';
  /** The session whose call it is; of a grant the session that it opened. */
  readonly sessionId?: SessionId;
  readonly connection: string;
  readonly requester: Requester;
  readonly rule: string;
  /** An approval holds for the rule as it was. */
  readonly ruleDigest: Uint8Array;
  /** MAC of what was asked for: a call's digest under its session's key, a grant's wish under a key of its own kind. */
  readonly binding: Uint8Array;
  /** Groups of which a member must approve. */
  readonly approvers: readonly string[];
  /** How many of them must. */
  readonly min: number;
  /** What approvers are shown, masked; JSON. */
  readonly shown: string;
  readonly requestedMs: number;
  readonly expiresMs: number;
  readonly state: ApprovalState;
  readonly votes: readonly Vote[];
  /** When it left the open states, by whom, and why. */
  readonly endedMs?: number;
  readonly endedBy?: Requester;
  readonly reason?: string;
}

export type NewApproval = Omit<Approval, 'shown' | 'state' | 'votes' | 'endedMs' | 'endedBy' | 'reason'> & { readonly shown: Masked<string> };

/** A call of a webhook that is to be made; written in the commit of what it tells of. */
export interface Delivery {
  /** The same for every try, and for every hook that is told of the event. */
  readonly eventId: EventId;
  /** The hook's name in the configuration. */
  readonly hook: string;
  readonly body: Masked<string>;
  readonly dueMs: number;
}

/** What is written along with a change. */
export interface Along {
  /** For the gateway's log of the session, or its index log where there is none. */
  readonly entries?: readonly EntryDraft[];
  readonly deliveries?: readonly Delivery[];
}

export interface Ending extends Along {
  readonly approvalId: ApprovalId;
  readonly from: OpenState;
  readonly to: Exclude<ApprovalState, OpenState | 'used'>;
  readonly atMs: number;
  readonly by?: Requester;
  readonly reason?: Masked<string>;
}

/** A call that goes on: its approval, or the round that continues it, is used up in the commit of its entries. */
export interface Use extends Along {
  readonly sessionId: SessionId;
  readonly atMs: number;
  readonly entries: readonly EntryDraft[];
  /** Exchanges that are claimed in the same commit (RULES R4). */
  readonly claims: readonly ExchangeId[];
}

export interface ApprovalQuery {
  /** Only those that are open. */
  readonly open: boolean;
  readonly limit: number;
}

export interface ApprovalStore {
  /** False where an open one of the same session (or person), rule and binding is there already. */
  openApproval(approval: NewApproval, along: Along): Promise<boolean>;
  approval(approvalId: ApprovalId): Promise<Approval | undefined>;
  /** Newest first. */
  approvals(query: ApprovalQuery): Promise<readonly Approval[]>;
  /** Those of a session's calls that are open. */
  openApprovals(sessionId: SessionId): Promise<readonly Approval[]>;
  /** How many this person has asked for that are open, of calls and grants. */
  countOpenApprovals(requester: Owner): Promise<number>;
  /** The newest with this binding that was asked for in that session. */
  approvalOfCall(sessionId: SessionId, binding: Uint8Array): Promise<Approval | undefined>;
  /** The newest with this binding that this person asked for. */
  approvalOfGrant(requester: Owner, binding: Uint8Array): Promise<Approval | undefined>;
  /** Open ones whose time is over by `nowMs`. */
  expiredApprovals(nowMs: number): Promise<readonly Approval[]>;
  /** Adds a vote to `approval` as it was read; it is `approved` with the last that it needs. False where it has changed since. */
  vote(approval: Approval, vote: Vote, along: Along): Promise<boolean>;
  /** Puts entries into the log in which that of the approval stand. */
  note(approval: Pick<Approval, 'sessionId'>, entries: readonly EntryDraft[]): Promise<void>;
  /** False where it is not in the state `from` any more. */
  endApproval(ending: Ending): Promise<boolean>;
  /** False where it is not approved any more, its time is over, or one of the exchanges was claimed before. */
  spendApproval(approvalId: ApprovalId, use: Use): Promise<boolean>;
  /** Remembers how the next round of an approved call will be known (RULES R8). */
  keepRound(mac: Uint8Array, sessionId: SessionId, expiresMs: number): Promise<void>;
  /** False where no such round is due, or one of the exchanges was claimed before. */
  spendRound(mac: Uint8Array, use: Use): Promise<boolean>;
}

/** A delivery as it waits, with how often it was tried. */
export interface WaitingDelivery extends Omit<Delivery, 'body'> {
  readonly body: string;
  readonly tries: number;
}

export interface DeliveryStore {
  /** Those that are due, the longest waiting first. */
  dueDeliveries(nowMs: number, limit: number): Promise<readonly WaitingDelivery[]>;
  /** When the next one is due; undefined where none waits. */
  nextDeliveryMs(): Promise<number | undefined>;
  /** Done, or given up. */
  dropDelivery(delivery: Pick<Delivery, 'eventId' | 'hook'>): Promise<void>;
  postponeDelivery(delivery: Pick<Delivery, 'eventId' | 'hook'>, dueMs: number): Promise<void>;
}
