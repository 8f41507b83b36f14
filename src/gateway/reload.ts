// Puts a newer configuration in force without dropping a session; one that cannot be is refused, and the old one stays.
import type { Logger } from 'pino';
import { asMcprecError } from '../base/errors.ts';
import type { GatewayConfig } from '../policy/config.ts';
import { policyHash } from '../policy/hash.ts';
import type { Environment } from './credentials.ts';
import type { Grants } from './grants.ts';
import type { LiveConfig } from './live-config.ts';
import { resolveSecrets } from './secrets.ts';
import type { DataPath } from './wiring.ts';

export interface ReloadParts {
  readonly live: LiveConfig;
  readonly grants: Grants;
  readonly dataPath: DataPath;
  readonly env: Environment;
  readonly logger: Logger;
}

/** Reads a configuration. Throws `config_unreadable` or `config_invalid`. */
export type ReadConfig = () => GatewayConfig;

export class Reloads {
  readonly #logger: Logger;
  /** One after the other, in the order in which they were asked for. */
  #last: Promise<boolean> = Promise.resolve(true);
  #refused = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** What became of the newest file. */
  state(): 'current' | 'refused' {
    return this.#refused ? 'refused' : 'current';
  }

  /** Resolves to whether what `read` gives is in force; why it is not stands in the log. */
  reload(parts: ReloadParts, read: ReadConfig): Promise<boolean> {
    this.#last = this.#last.then(async () => {
      try {
        await apply(parts, read());
        this.#refused = false;
      } catch (error) {
        this.#refused = true;
        const { code, message, remedy } = asMcprecError(error);
        this.#logger.error({ code, problem: message, remedy }, 'the new configuration is refused; the old one stays in force');
      }
      return !this.#refused;
    });
    return this.#last;
  }
}

async function apply({ live, grants, dataPath, env, logger }: ReloadParts, next: GatewayConfig): Promise<void> {
  // All that can fail comes first.
  const { credentials } = resolveSecrets(next, env);
  const before = hexOf(live.config);
  const waiting = live.replace(next);
  dataPath.redress(credentials);
  await grants.repolicy();
  logger.info({ policy: hexOf(live.config), before }, 'a new configuration is in force');
  if (waiting.length > 0) logger.warn({ keys: waiting }, 'part of the new configuration waits for the next start');
}

function hexOf(config: GatewayConfig): string {
  return Buffer.from(policyHash(config)).toString('hex');
}
