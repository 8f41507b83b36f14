// What a forwarder is told and what it reports. Types only.
import type { HttpTransport } from '../base/connection.ts';
import type { IdSource } from '../base/ids.ts';
import type { Secret } from '../base/secret.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Retention } from '../journal/pruner.ts';
import type { Projection } from '../policy/projection.ts';
import type { ApprovalSummary } from '../protocol/approvals.ts';
import type { WitnessPlace } from '../sync/witness-client.ts';
import type { ServerCommand } from '../transport/child.ts';
import type { AskHold } from './solo-holds.ts';

/** What the forwarder connects to. */
export type Target = SoloTarget | { readonly kind: 'gateway'; readonly connection: string; readonly identity: GatewayIdentity };

/** A server that no gateway knows: behind a URL, by the newer transport or by that of 2024-11-05, or a command. */
export type SoloTarget =
  | {
      readonly kind: 'solo';
      readonly url: URL;
      readonly policy?: Projection;
      readonly transport?: HttpTransport;
      readonly headers?: readonly (readonly [string, Secret])[];
    }
  | { readonly kind: 'command'; readonly command: ServerCommand; readonly policy?: Projection };

/** What happens while it runs. */
export type ForwarderEvent =
  | { readonly event: 'changed' }
  | { readonly event: 'ended'; readonly sessionId: string; readonly connection: string; readonly reason: 'closed' | 'expired' | 'revoked' }
  | { readonly event: 'trouble'; readonly message: string }
  /** The grant of a connection waits for an approval. */
  | {
      readonly event: 'approval_pending';
      readonly connection: string;
      readonly approvalId: string;
      readonly link: string;
      readonly approvers: readonly string[];
      readonly min: number;
      readonly expiresAtMs: number;
    }
  /** Something became of an approval that a held call needs. */
  | { readonly event: 'approval'; readonly connection: string; readonly approvalId: string; readonly state: ApprovalSummary['state']; readonly rule: string }
  /** A server that is a command said something on stderr. */
  | { readonly event: 'stderr'; readonly bytes: Uint8Array };

export interface ForwarderOptions {
  readonly home: string;
  /** The journal's path. */
  readonly journal: string;
  /** `FULL`: an entry survives a power cut; `NORMAL`: the end of the process. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** The journal's bound in bytes: calls are refused when it is reached. */
  readonly journalBytesMax: number;
  readonly version: string;
  readonly targets: readonly Target[];
  /** A fixed port; undefined for the remembered one, or any; `none` where no client comes by HTTP. */
  readonly port: number | 'none' | undefined;
  /** `exec` wants a port and a token of its own, which nobody remembers. */
  readonly ephemeral: boolean;
  /** Witnesses that must have co-signed the gateway's tree, or its receipts do not count. */
  readonly witnesses?: readonly NoteVerifier[];
  /** What is pruned of the journal at the start; undefined: nothing. */
  readonly retention?: Retention | undefined;
  /** Witnesses that co-sign the solo index log. */
  readonly soloWitnesses?: readonly WitnessPlace[];
  readonly rotate: boolean;
  readonly reason: string | undefined;
  readonly ttlSeconds: number | undefined;
  /** How long the approval of a grant is waited for: undefined for as long as it may be given, 0 for not at all; `signal` ends it. */
  readonly approvalWait: { readonly msMax: number | undefined; readonly signal: AbortSignal };
  readonly ids: IdSource;
  readonly report: (event: ForwarderEvent) => void;
  /** Where there is no gateway: asks whoever sits at the terminal about a held call. Left out, such a call is refused. */
  readonly askHold?: AskHold | undefined;
}
