// The tables of a gateway's store as Kysely sees them; upgrades.ts makes them. Ids that stand in many rows are kept as their 16 bytes.
import type { Generated } from 'kysely';

export interface Tables {
  readonly devices: DeviceTable;
  readonly sessions: SessionTable;
  readonly tokens: TokenTable;
  readonly logs: LogTable;
  readonly removals: RemovalTable;
  readonly witnessed: WitnessedTable;
  readonly tree_leaves: TreeLeafTable;
  readonly tree_nodes: TreeNodeTable;
  readonly tree_heads: TreeHeadTable;
  readonly alarms: AlarmTable;
  readonly entries: EntryTable;
  readonly exchanges: ExchangeTable;
  readonly handles: HandleTable;
  readonly proofs: ProofTable;
  readonly tools: ToolTable;
  readonly approvals: ApprovalTable;
  readonly rounds: RoundTable;
  readonly budgets: BudgetTable;
  readonly deliveries: DeliveryTable;
}

export interface DeviceTable {
  readonly device_id: string;
  /** Ed25519, raw. */
  readonly public_key: Uint8Array;
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  /** Thumbprint of the DPoP key that it was enrolled with (RULES R5). */
  readonly proof_thumbprint: string;
  readonly enrolled_ms: number;
  readonly ended_ms: number | null;
}

/** A grant and the session that uses it: there is one for one. */
export interface SessionTable {
  readonly session_id: string;
  readonly grant_id: string;
  readonly connection: string;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | null;
  /** JSON list, as at the last renewal. */
  readonly groups: string;
  readonly device_id: string;
  readonly reason: string | null;
  /** JSON of the client that asked. */
  readonly client: string;
  readonly opened_ms: number;
  readonly expires_ms: number;
  readonly state: string;
  readonly ended_ms: number | null;
  readonly end_reason: string | null;
  /** The session's keys, wrapped; gone once the session has ended. */
  readonly wrapped_keys: Uint8Array | null;
}

export interface TokenTable {
  /** SHA-256 of the token. */
  readonly token_hash: Uint8Array;
  readonly session_id: string;
  readonly expires_ms: number;
}

export interface LogTable {
  readonly log: Uint8Array;
  /** Null for an index log. */
  readonly session_id: string | null;
  /** Whose index log it is. */
  readonly device_id: Generated<string | null>;
  readonly vantage: string;
  readonly size: Generated<number>;
  readonly root: Uint8Array;
  readonly frontier: Uint8Array;
  readonly calls: Generated<number>;
  readonly denied: Generated<number>;
  readonly masked: Generated<number>;
  readonly last_kind: Generated<string | null>;
  readonly last_wall_ms: Generated<number | null>;
  readonly last_mono_us: Generated<number | null>;
  /** Why nothing more is taken into it; null where all is well. */
  readonly quarantine: Generated<string | null>;
  /** JSON of why its contents are gone (removal-store.ts); null where they are there. */
  readonly removal: Generated<string | null>;
}

/** Entries of index logs, the gateway's own and the laptops', that say that contents of a log are gone. */
export interface RemovalTable {
  readonly log: Uint8Array;
  readonly index_log: Uint8Array;
  readonly index_idx: number;
}

/** The newest checkpoint of each log that was co-signed. */
export interface WitnessedTable {
  readonly log: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  /** The log's signed note. */
  readonly note: string;
  /** Its leaf in the gateway's tree. */
  readonly tree_index: number;
  readonly at_ms: number;
}

/** The gateway's tree: a leaf for each checkpoint that it accepted. */
export interface TreeLeafTable {
  readonly idx: number;
  readonly log: Uint8Array;
  readonly leaf: Uint8Array;
  readonly note: string;
  readonly at_ms: number;
}

export interface TreeNodeTable {
  readonly level: number;
  readonly n: number;
  readonly hash: Uint8Array;
}

export interface TreeHeadTable {
  readonly size: number;
  /** Signed by the gateway, with the cosignatures of witnesses. */
  readonly note: string;
}

/** A log that showed two histories, or less than before: both signed notes are kept. */
export interface AlarmTable {
  readonly alarm_id: Generated<number>;
  readonly at_ms: number;
  readonly log: Uint8Array;
  readonly what: string;
  readonly known: string;
  readonly shown: string;
}

export interface EntryTable {
  readonly log: Uint8Array;
  readonly idx: number;
  readonly leaf: Uint8Array;
  readonly leaf_hash: Uint8Array;
  /** By the gateway's clock (RULES R14). */
  readonly received_ms: number;
  readonly exchange: Uint8Array | null;
  readonly direction: string | null;
  /** The columns of a payload, and those of names, are null together: where there is none, or where it was removed. */
  readonly payload_salt: Uint8Array | null;
  readonly payload_coding: string | null;
  readonly payload: Uint8Array | null;
  readonly names_salt: Uint8Array | null;
  readonly names: Uint8Array | null;
}

/** The exchanges that an open session has begun (RULES R4). */
export interface ExchangeTable {
  readonly session_id: string;
  readonly exchange: Uint8Array;
}

export interface HandleTable {
  readonly mac: Uint8Array;
  readonly expires_ms: number;
}

/** Tools as they were first seen on a connection; MACs only. */
export interface ToolTable {
  readonly tool: Uint8Array;
  readonly known: Uint8Array;
  /** The form that it has now, where that is another one. */
  readonly changed: Uint8Array | null;
  /** How it describes itself then, masked; JSON. */
  readonly definition: string | null;
}

/** DPoP proofs that were used (RFC 9449 §11.1). */
export interface ProofTable {
  readonly proof: Uint8Array;
  readonly expires_ms: number;
}

/** Requests for approvals, open and over. */
export interface ApprovalTable {
  readonly approval_id: string;
  readonly kind: string;
  readonly session_id: string | null;
  readonly connection: string;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | null;
  readonly rule: string;
  readonly rule_digest: Uint8Array;
  /** A MAC; emptied when the session's keys are destroyed. */
  readonly binding: Uint8Array;
  /** JSON list. */
  readonly approvers: string;
  readonly min: number;
  /** JSON of what approvers are shown, masked. */
  readonly shown: string;
  readonly requested_ms: number;
  readonly expires_ms: number;
  readonly state: string;
  /** JSON list of who approved, and when. */
  readonly votes: string;
  readonly ended_ms: number | null;
  /** JSON of who refused or withdrew it. */
  readonly ended_by: string | null;
  readonly reason: string | null;
}

/** Rounds of approved calls that may still come (RULES R8). */
export interface RoundTable {
  readonly mac: Uint8Array;
  readonly session_id: string;
  readonly expires_ms: number;
}

/** What an open session has spent of a budget that is counted by the session. */
export interface BudgetTable {
  readonly session_id: string;
  readonly budget: string;
  readonly calls: number;
}

/** Calls of webhooks that wait to be made. */
export interface DeliveryTable {
  readonly event_id: string;
  readonly hook: string;
  readonly body: string;
  readonly due_ms: number;
  readonly tries: number;
}
