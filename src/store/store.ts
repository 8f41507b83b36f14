// What a gateway keeps, whatever database holds it. Types only; test/contract/store.ts says what each implementation must do.
import type { ApprovalId, DeviceId, ExchangeId, GrantId, LogId, SessionId } from '../base/ids.ts';
import type { EntryDraft, EntryKind } from '../evidence/entry.ts';
import type { Counts } from '../evidence/tail.ts';
import type { Identity, LogUpload, UploadedEntry } from '../protocol/control.ts';
import type { ApprovalStore, DeliveryStore } from './approval.ts';
import type { GuardStore } from './guard-store.ts';
import type { Removal, RemovalStore } from './removal-store.ts';

export interface Owner {
  readonly issuer: string;
  readonly subject: string;
}

export interface Device extends Owner {
  readonly deviceId: DeviceId;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly name: string;
  readonly proofThumbprint: string;
  readonly enrolledMs: number;
  readonly endedMs?: number;
}

export type SessionState = 'open' | 'closed' | 'expired' | 'revoked';

/** A grant with its session. Times are milliseconds since the epoch. */
export interface Session {
  readonly sessionId: SessionId;
  readonly grantId: GrantId;
  readonly connection: string;
  readonly identity: Identity;
  readonly deviceId: DeviceId;
  readonly reason?: string;
  readonly client: Readonly<Record<string, string | number>>;
  readonly openedMs: number;
  readonly expiresMs: number;
  readonly state: SessionState;
  readonly endedMs?: number;
  readonly endReason?: string;
  /** Present while the session is open. */
  readonly wrappedKeys?: Uint8Array;
}

export interface SessionToken {
  /** SHA-256 of the token. */
  readonly hash: Uint8Array;
  readonly expiresMs: number;
}

export interface SessionOpening {
  readonly session: Omit<Session, 'state' | 'endedMs' | 'endReason' | 'wrappedKeys'> & { readonly wrappedKeys: Uint8Array };
  readonly token: SessionToken;
  /** Enrolled along with the session where the store does not have it yet. */
  readonly device: Device;
  readonly forwarderLog: LogId;
  readonly gatewayLog: LogId;
  /** First entries of the gateway's log. */
  readonly entries: readonly EntryDraft[];
  /** The approval that the grant needed; used up in the same commit. */
  readonly approvalId?: ApprovalId;
}

export interface SessionRenewal {
  readonly sessionId: SessionId;
  readonly token: SessionToken;
  readonly expiresMs: number;
  readonly groups: readonly string[];
}

export interface SessionEnding {
  readonly sessionId: SessionId;
  readonly state: Exclude<SessionState, 'open'>;
  readonly reason: string;
  readonly atMs: number;
  /** Last entries of the gateway's log. */
  readonly entries: readonly EntryDraft[];
}

/** Who wrote a log: the laptop or the gateway, of a session or as an index of what was opened. */
export type Vantage = 'forwarder' | 'gateway' | 'index' | 'gateway-index';

export interface LogRecord extends Counts {
  readonly logId: LogId;
  /** Absent for an index log. */
  readonly sessionId?: SessionId;
  /** Whose index log it is. */
  readonly deviceId?: DeviceId;
  readonly vantage: Vantage;
  readonly size: number;
  readonly root: Uint8Array;
  readonly lastKind?: EntryKind;
  /** True where its last entry is the last one that there can be. */
  readonly ended: boolean;
  /** Why nothing more is taken into it. */
  readonly quarantine?: string;
  /** Why its contents are gone. */
  readonly removal?: Removal;
}

export interface SessionWithLogs extends Session {
  readonly logs: readonly LogRecord[];
}

export interface SessionQuery {
  /** Only this person's. */
  readonly owner?: Owner;
  readonly limit: number;
  /** Only sessions opened before. */
  readonly beforeMs?: number;
}

export interface SessionStore {
  findDevice(publicKey: Uint8Array): Promise<Device | undefined>;
  /** All of it in one commit. False where the forwarder's log is another session's, or the approval cannot be used any more. */
  openSession(opening: SessionOpening): Promise<boolean>;
  /** False where the session is not open any more. */
  renewSession(renewal: SessionRenewal): Promise<boolean>;
  /** Ends an open session with its open approvals, drops its keys, tokens and exchanges, and writes the last entries in the same commit. False where it had ended. */
  endSession(ending: SessionEnding): Promise<boolean>;
  session(sessionId: SessionId): Promise<SessionWithLogs | undefined>;
  sessionOfGrant(grantId: GrantId): Promise<SessionWithLogs | undefined>;
  /** Whose token it is, and until when. */
  sessionOfToken(tokenHash: Uint8Array, nowMs: number): Promise<{ readonly sessionId: SessionId; readonly expiresMs: number } | undefined>;
  /** Newest first. */
  sessions(query: SessionQuery): Promise<readonly SessionWithLogs[]>;
  openSessions(): Promise<readonly SessionId[]>;
  /** Open sessions whose grant has ended by `nowMs`. */
  expiredSessions(nowMs: number): Promise<readonly SessionId[]>;
}

/** The gateway's own log of one session. One process writes it. */
export interface SessionLog {
  readonly logId: LogId;
  /**
   * Resolves when the entries are durable, in the order given, together with the claim of each exchange that they begin (an entry from
   * the client). Rejects with `exchange_repeated` where one of these was claimed before: then nothing is written; with `session_closed` behind the last entry.
   */
  append(drafts: readonly EntryDraft[]): Promise<void>;
  /** Claims an exchange without an entry, where nothing is recorded. False where it was claimed before. */
  claim(exchange: ExchangeId): Promise<boolean>;
}

export type Ingested =
  /** `lacking`: a payload that the upload leaves out is not in the gateway's own log; nothing was taken. */
  | { readonly kind: 'stored' | 'conflict' | 'lacking'; readonly log: LogRecord }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'forked'; readonly reason: string }
  | { readonly kind: 'invalid'; readonly reason: string };

export interface StoredRow extends UploadedEntry {
  readonly index: number;
  readonly leafHash: Uint8Array;
  readonly receivedMs: number;
}

export interface LogStore {
  /** The gateway's log of that session, ready to be written. Undefined where there is none. */
  openLog(sessionId: SessionId): Promise<SessionLog | undefined>;
  log(logId: LogId): Promise<LogRecord | undefined>;
  /** The gateway's own index log; undefined before the first session. */
  gatewayIndex(): Promise<LogRecord | undefined>;
  /** Takes the next part of a forwarder's log; a part that is held already is `stored` again, one that contradicts it is `forked`. */
  ingest(logId: LogId, upload: LogUpload, nowMs: number): Promise<Ingested>;
  /** The leaves of up to `limit` entries from index `from`, in order. */
  leaves(logId: LogId, from: number, limit: number): Promise<readonly Uint8Array[]>;
  /** Up to `limit` entries from index `from`, in order. */
  entries(logId: LogId, from: number, limit: number): Promise<readonly StoredRow[]>;
}

/** A checkpoint that was accepted last of a log, and its leaf in the tree. */
export interface Witnessed {
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
  readonly treeIndex: number;
}

/** What one commit adds to the gateway's tree. */
export interface TreeGrowth {
  readonly leaves: readonly {
    readonly index: number;
    readonly logId: LogId;
    readonly leaf: Uint8Array;
    readonly size: number;
    readonly root: Uint8Array;
    readonly note: string;
  }[];
  readonly nodes: readonly { readonly level: number; readonly n: number; readonly hash: Uint8Array }[];
  readonly head: { readonly size: number; readonly note: string };
  readonly atMs: number;
}

/** A log that showed two histories, or less than it had shown before. Both signed notes are kept. */
export interface Alarm {
  readonly atMs: number;
  readonly logId: LogId;
  readonly what: string;
  readonly known: string;
  readonly shown: string;
}

/** The gateway as a witness (DESIGN §7): what it accepted of each log, and its own tree over that. */
export interface TreeStore {
  /** Makes an index log of that device known; false where it is another's. */
  registerIndex(logId: LogId, deviceId: DeviceId): Promise<boolean>;
  /** The key of the device that writes the log; undefined where no laptop writes it. */
  logKey(logId: LogId): Promise<Uint8Array | undefined>;
  /** Whose the log is. */
  logOwner(logId: LogId): Promise<Owner | undefined>;
  witnessed(logId: LogId): Promise<Witnessed | undefined>;
  /** All checkpoints of the log in the tree, the oldest first. */
  checkpointsOf(logId: LogId): Promise<readonly { readonly index: number; readonly note: string }[]>;
  treeSize(): Promise<number>;
  /** Nodes by `level/n`; those that are not there are left out. */
  treeNodes(nodes: readonly { readonly level: number; readonly n: number }[]): Promise<ReadonlyMap<string, Uint8Array>>;
  treeRange(level: number, from: number, count: number): Promise<readonly Uint8Array[]>;
  treeLeaves(from: number, count: number): Promise<readonly Uint8Array[]>;
  /** The newest signed head. */
  treeHead(): Promise<{ readonly size: number; readonly note: string } | undefined>;
  /** Replaces the head of that size by one with more signatures. */
  keepTreeHead(size: number, note: string): Promise<void>;
  /** All of it in one commit; false where the tree has grown since. */
  growTree(growth: TreeGrowth): Promise<boolean>;
  raiseAlarm(alarm: Alarm): Promise<void>;
  /** The newest first. */
  alarms(): Promise<readonly Alarm[]>;
}

export interface Store extends RemovalStore, TreeStore, SessionStore, LogStore, GuardStore, ApprovalStore, DeliveryStore {
  /** Writes what waits and closes the database. */
  close(): Promise<void>;
}
