// What a forwarder is told and what it reports. Types only.
import type { HttpTransport } from '../base/connection.ts';
import type { IdSource } from '../base/ids.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { Projection } from '../policy/projection.ts';
import type { ServerCommand } from '../transport/child.ts';

/** What the forwarder connects to. */
export type Target = SoloTarget | { readonly kind: 'gateway'; readonly connection: string; readonly identity: GatewayIdentity };

/** A server that no gateway knows: behind a URL, by the newer transport or by that of 2024-11-05, or a command. */
export type SoloTarget =
  | { readonly kind: 'solo'; readonly url: URL; readonly policy?: Projection; readonly transport?: HttpTransport }
  | { readonly kind: 'command'; readonly command: ServerCommand; readonly policy?: Projection };

/** What happens while it runs. */
export type ForwarderEvent =
  | { readonly event: 'changed' }
  | { readonly event: 'ended'; readonly sessionId: string; readonly connection: string; readonly reason: 'closed' | 'expired' | 'revoked' }
  | { readonly event: 'trouble'; readonly message: string }
  /** A server that is a command said something on stderr. */
  | { readonly event: 'stderr'; readonly bytes: Uint8Array };

export interface ForwarderOptions {
  readonly home: string;
  /** The journal's path. */
  readonly journal: string;
  /** `FULL`: an entry survives a power cut; `NORMAL`: the end of the process. */
  readonly synchronous: 'FULL' | 'NORMAL';
  readonly version: string;
  readonly targets: readonly Target[];
  /** A fixed port; undefined for the remembered one, or any; `none` where no client comes by HTTP. */
  readonly port: number | 'none' | undefined;
  /** `exec` wants a port and a token of its own, which nobody remembers. */
  readonly ephemeral: boolean;
  readonly rotate: boolean;
  readonly reason: string | undefined;
  readonly ttlSeconds: number | undefined;
  readonly ids: IdSource;
  readonly report: (event: ForwarderEvent) => void;
}
