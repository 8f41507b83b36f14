// What gateway.yaml says, once it has been read: the value that the gateway is wired with. Types only; parse.ts makes one.
import type { ConnectionKind, RecordMode } from '../base/connection.ts';
import type { DetectorName, FieldAction } from '../base/detectors.ts';

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
  readonly adminGroups: readonly string[];
  /** Whose access tokens must be bound to a key (DPoP): those of people, everybody's, or nobody's whose provider does not. */
  readonly boundTokens: 'people' | 'required' | 'when-offered';
  readonly clockSkewMs: number;
}

export interface ConnectionConfig {
  readonly kind: ConnectionKind;
  readonly upstream: string;
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
  /** What to do with an answer that must be masked and cannot be (DESIGN §4, rule 3). */
  readonly unmaskable: 'refuse' | 'pass';
}

/** Lists of globs that say what a call may be; a list left out means any, an empty one none. */
export interface Scope {
  readonly methods?: readonly string[];
  readonly tools?: readonly string[];
  readonly resources?: readonly string[];
  readonly prompts?: readonly string[];
  readonly metrics?: readonly string[];
}

export interface AccessEntry extends Scope {
  /** Names, not patterns. */
  readonly groups?: readonly string[];
  /** Globs over the names of connections. */
  readonly connections?: readonly string[];
  readonly ttlMs: number;
}

export interface Rule extends Scope {
  readonly id: string;
  readonly effect: 'deny';
  readonly groups?: readonly string[];
  readonly connections?: readonly string[];
  /** Shown to the caller. */
  readonly message?: string;
}

export interface MaskConfig {
  /** Answers are masked on the wire as well where `client` is named; the record always is. */
  readonly apply: readonly ('record' | 'client')[];
  readonly detectors: readonly DetectorName[];
  readonly patterns: readonly { readonly name: string; readonly pattern: string; readonly keywords?: readonly string[] }[];
  /** How long a value keeps its pseudonym. */
  readonly pseudonymEpochMs: number;
  readonly fields: readonly { readonly path: string; readonly as: FieldAction }[];
}
