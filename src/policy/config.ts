// What gateway.yaml says, once it has been read: the value that the gateway is wired with. Types only; parse.ts makes one.
import type { ConnectionKind, HttpTransport, RecordMode, WitnessMode } from '../base/connection.ts';
import type { DetectorName, FieldAction, MaskPlace } from '../base/detectors.ts';
import type { QueryArgument } from './query-arguments.ts';
import type { ServerRequestKind, WebhookEvent, Weekday } from './words.ts';

export interface GatewayConfig {
  readonly listen: { readonly host: string; readonly port: number };
  /** Origin that clients use, without a slash at its end; default: `http://` and `listen`. */
  readonly publicUrl: string;
  readonly data: { readonly kind: 'sqlite'; readonly path: string };
  /** Where the gateway's own keys are kept. */
  readonly keys: SecretRef;
  readonly identity: IdentityConfig;
  readonly connections: Readonly<Record<string, ConnectionConfig>>;
  readonly access: readonly AccessEntry[];
  readonly rules: readonly Rule[];
  readonly mask: MaskConfig;
  /** Independent witnesses that must co-sign the gateway's tree. */
  readonly witnesses: readonly { readonly url: string; readonly key: string }[];
  /** How long a held call keeps its caller waiting. */
  readonly holdWaitMs: number;
  readonly webhooks: readonly WebhookConfig[];
  readonly retention: RetentionConfig;
}

/** How long contents of recorded sessions are kept; what is left out sets no end. */
export interface RetentionConfig {
  readonly keepMs?: number;
  readonly bytesMax?: number;
  /** Whether people may have their own sessions erased; administrators may erase any. */
  readonly ownersErase: boolean;
}

/** Somebody who is told of requests for approvals. */
export interface WebhookConfig {
  readonly name: string;
  readonly url: string | SecretRef;
  readonly format: 'standard' | 'slack';
  /** Resolves to `whsec_` and base64. */
  readonly secret?: SecretRef;
  readonly events: readonly WebhookEvent[];
}

/** A secret is named here, never written: the gateway resolves it when it starts. */
export type SecretRef = { readonly kind: 'env'; readonly name: string } | { readonly kind: 'file'; readonly path: string };

/** A credential header: the resolved secret, behind `scheme` and a blank where there is one (`Bearer env:TOKEN`). */
export interface HeaderSecret {
  readonly ref: SecretRef;
  readonly scheme?: string;
}

export interface IdentityConfig {
  /** As written in the file: providers compare it character by character. */
  readonly issuer: string;
  readonly audience: string;
  readonly groupsClaim: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** All that there are, where the file says. */
  readonly groups?: readonly string[];
  readonly adminGroups: readonly string[];
  /** By the subject of a machine: the subject or e-mail address of the person whose it is. */
  readonly machineOwners: Readonly<Record<string, string>>;
  /** Whose access tokens must be bound to a key (DPoP): those of people, everybody's, or nobody's whose provider does not. */
  readonly boundTokens: 'people' | 'required' | 'when-offered';
  readonly clockSkewMs: number;
}

export interface ServerConfig {
  readonly command: readonly [string, ...string[]];
  /** A value, or where it is. */
  readonly env: Readonly<Record<string, string | SecretRef>>;
  readonly cwd?: string;
}

export interface ConnectionConfig {
  readonly kind: ConnectionKind;
  /** Empty where the server is a command. */
  readonly upstream: string;
  /** `mcp` only. */
  readonly transport: HttpTransport;
  /** An MCP server that is a command. */
  readonly server?: ServerConfig;
  /** Other hosts of the same service, by what they serve; only `datadog-intake` has any. */
  readonly upstreams: { readonly logs?: string };
  /** Set on every call to the upstream; names in lower case. */
  readonly credentialHeaders: Readonly<Record<string, HeaderSecret>>;
  readonly record: RecordMode;
  /** Query parameters that the gateway sets and a client cannot change. */
  readonly upstreamQuery: Readonly<Record<string, string>>;
  /** Headers without secrets that the gateway sets and a client cannot change; names in lower case. */
  readonly upstreamHeaders: Readonly<Record<string, string>>;
  /** What `exec` sets for its child; `{endpoint}` and `{local_token}` are filled in by the forwarder. */
  readonly env: Readonly<Record<string, string>>;
  /** `http` only: globs over normalised paths. */
  readonly paths: readonly string[];
  /** `mcp` only: tools that a group restricted by `metrics` may call. */
  readonly unscopedTools: readonly string[];
  /** `mcp` only: where the arguments of a tool carry metric queries, by the tool's name; these replace the defaults for it. */
  readonly queryArguments: Readonly<Record<string, readonly QueryArgument[]>>;
  /** `mcp` only: what becomes of calls to a tool that was changed since it was first seen. */
  readonly toolChanges: ToolChanges;
  /** What to do with an answer that must be masked and cannot be (DESIGN §4, rule 3). */
  readonly unmaskable: 'refuse' | 'pass';
  readonly witness: WitnessMode;
}

export type ToolChanges = { readonly effect: 'allow' | 'deny' } | { readonly effect: 'hold'; readonly hold: HoldTerms };

/** Lists of globs that say what a call may be; a list left out means any, an empty one none. */
export interface Scope {
  readonly methods?: readonly string[];
  readonly tools?: readonly string[];
  readonly resources?: readonly string[];
  readonly prompts?: readonly string[];
  /** Over the paths of intake and http calls. */
  readonly paths?: readonly string[];
  readonly metrics?: readonly string[];
}

/** Whom a part of the policy concerns; a list left out means everyone, or all. */
export interface Concern {
  /** Names, not patterns. */
  readonly groups?: readonly string[];
  /** Globs over the names of connections. */
  readonly connections?: readonly string[];
}

export interface AccessEntry extends Scope, Concern {
  /** Tags that must be present, as globs. */
  readonly tags?: readonly string[];
  readonly ttlMs: number;
  readonly hours?: Hours;
  /** Left out where opening the connection needs no approval. */
  readonly approval?: Approval;
  readonly calls?: CallBudget;
  /** What the server may ask of the client; left out: all. */
  readonly serverRequests?: readonly ServerRequestKind[];
}

/** A time of the week. Where `toMin` is not after `fromMin`, it goes on into the next day. */
export interface Hours {
  /** The days on which it begins. */
  readonly days: readonly Weekday[];
  /** Minutes of the day. */
  readonly fromMin: number;
  readonly toMin: number;
  readonly zone: string;
}

export interface Approval {
  readonly approvers: readonly string[];
  readonly min: number;
  readonly withinMs: number;
}

export interface CallBudget {
  readonly perMinute?: number;
  readonly perSession?: number;
}

/** What a rule is about, or leaves alone: everything that is given must hold. */
export interface RuleScope extends Scope {
  /** A condition in CEL. */
  readonly when?: string;
}

export interface HoldTerms extends Approval {
  readonly reveal?: 'approvers';
  readonly maskedArguments?: 'deny';
}

export type RuleEffect =
  | { readonly effect: 'deny' }
  | { readonly effect: 'hold'; readonly hold: HoldTerms }
  | { readonly effect: 'mask'; readonly mask: RuleMask };

export interface RuleMask {
  readonly apply: readonly MaskPlace[];
  readonly detectors: readonly DetectorName[];
  readonly fields: readonly { readonly path: string; readonly as: FieldAction }[];
}

export type Rule = RuleScope &
  Concern &
  RuleEffect & {
    readonly id: string;
    /** Shown to the caller. */
    readonly message?: string;
    /** A call that any of these matches is left alone. */
    readonly except?: readonly (RuleScope & Concern)[];
  };

export interface MaskConfig {
  /** Answers are masked on the wire as well where `client` is named; the record always is. */
  readonly apply: readonly ('record' | 'client')[];
  readonly detectors: readonly DetectorName[];
  readonly patterns: readonly { readonly name: string; readonly pattern: string; readonly keywords?: readonly string[] }[];
  /** How long a value keeps its pseudonym. */
  readonly pseudonymEpochMs: number;
  readonly fields: readonly { readonly path: string; readonly as: FieldAction }[];
}
