// The configuration in force: what a reload changes is seen by everything that asks it again. What stands in signed
// answers, in open files or in what clients were told stays as it was at the start.
import { isDeepStrictEqual } from 'node:util';
import type { GatewayConfig } from '../policy/config.ts';

/** Parts that wait for the next start. */
const fixed = ['listen', 'publicUrl', 'data', 'keys', 'identity', 'webhooks', 'witnesses'] as const satisfies readonly (keyof GatewayConfig)[];

/** A configuration whose members are those of the newest one; ask it again rather than keep what it said. */
export class LiveConfig {
  #current: GatewayConfig;
  readonly #first: GatewayConfig;
  /** The same for as long as the gateway runs. */
  readonly config: GatewayConfig;

  constructor(first: GatewayConfig) {
    this.#current = first;
    this.#first = first;
    const members = Object.keys(first).map((key) => [key, { enumerable: true, get: () => this.#current[key as keyof GatewayConfig] }]);
    this.config = Object.defineProperties({}, Object.fromEntries(members)) as GatewayConfig;
  }

  /** Puts another one in force; returns the names of what it changes only at the next start. */
  replace(next: GatewayConfig): readonly string[] {
    const before = this.#current;
    const waiting = fixed.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(next[key]));
    this.#current = { ...next, ...Object.fromEntries(fixed.map((key) => [key, before[key]])) };
    return [...waiting, ...this.#otherServers(next)];
  }

  // The commands of servers were put together, with their secrets, at the start.
  #otherServers({ connections }: GatewayConfig): readonly string[] {
    const started = (name: string) => (Object.hasOwn(this.#first.connections, name) ? this.#first.connections[name]?.server : undefined);
    const changed = Object.entries(connections).filter(([name, { server }]) => server !== undefined && !isDeepStrictEqual(server, started(name)));
    return changed.map(([name]) => `connections.${name}.command`);
  }
}
