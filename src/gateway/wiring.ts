// What a gateway hands to its data path, and what it asks of it. Types only.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { IdSource } from '../base/ids.ts';
import type { Secret } from '../base/secret.ts';
import type { GatewayConfig } from '../policy/config.ts';
import type { ServerCommand } from '../transport/child.ts';
import type { Authenticator } from './authenticate.ts';
import type { Handles } from './handles.ts';
import type { Holds } from './holds.ts';
import type { GatewayNotary } from './notary.ts';
import type { ToolForms } from './tool-forms.ts';

export interface DataPathParts {
  readonly config: GatewayConfig;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  readonly authenticator: Authenticator;
  readonly handles: Handles;
  readonly holds: Holds;
  readonly notary: Pick<GatewayNotary, 'witnessed'>;
  /** By connection: lower-case header name and value. */
  readonly credentials: ReadonlyMap<string, readonly (readonly [string, Secret])[]>;
  /** By connection: the command that is its server. */
  readonly commands: ReadonlyMap<string, ServerCommand>;
  readonly tools: ToolForms;
  readonly ids: IdSource;
  readonly logger: Logger;
}

export interface DataPath {
  /** Serves a request to `/c/<connection><rest>`; `rest` starts with a slash or is empty, and has the query. Never throws. */
  serve(request: IncomingMessage, response: ServerResponse, connection: string, rest: string): void;
  /** Dresses requests from now on as the newest configuration says, with these credentials. */
  redress(credentials: DataPathParts['credentials']): void;
  /** Resolves when what is in flight is done, or was given `limits.drainMsMax`. */
  close(): Promise<void>;
}
