// The policies of the solo form (DESIGN §3), which no gateway decides: everything allowed and recorded with default masks, or what a file says.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ConnectionKind } from '../base/connection.ts';
import { detectorsDefault } from '../base/detectors.ts';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { GatewayConfig } from './config.ts';
import { type Projection, projectPolicy } from './projection.ts';

/** A projection that allows everything on a connection of that kind, which no gateway knows. */
export function soloProjection(name: string, kind: ConnectionKind): Projection {
  const open: Omit<Projection, 'policyHash'> = {
    version: 1,
    connection: {
      name,
      kind,
      record: 'full',
      paths: kind === 'http' ? ['/*'] : [],
      unscopedTools: [],
      queryArguments: {},
      unmaskable: 'refuse',
      witness: 'later',
    },
    access: [{}],
    rules: [],
    mask: { apply: ['record'], detectors: [...detectorsDefault], patterns: [], pseudonymEpochMs: limits.pseudonymEpochMsDefault, fields: [] },
  };
  return { ...open, policyHash: createHash('sha256').update(JSON.stringify(open)).digest('hex') };
}

/**
 * What a gateway.yaml says of the connection that leads to `url`. Nobody is asked who they are, so every group's entries hold, and
 * every group's rules. Throws `usage` where no MCP connection in it has that upstream.
 */
export function soloProjectionFrom(config: GatewayConfig, url: URL): Projection {
  const address = (upstream: URL): string => `${upstream.origin}${upstream.pathname}`;
  const found = Object.entries(config.connections).find(
    ([, { kind, upstream }]) => kind === 'mcp' && upstream !== '' && address(new URL(upstream)) === address(url),
  );
  if (found === undefined) {
    throw new McprecError('usage', `the policy has no connection whose upstream is ${address(url)}`, {
      remedy: 'add one of kind mcp to the file, or leave --policy out',
    });
  }
  return everybodys(config, found[0]);
}

/** The same of the connection whose server is that command. Throws `usage` where the file has none. */
export function soloProjectionOf(config: GatewayConfig, command: readonly string[]): Projection {
  const found = Object.entries(config.connections).find(([, { server }]) => server !== undefined && isDeepStrictEqual(server.command, command));
  if (found === undefined) {
    throw new McprecError('usage', 'the policy has no connection of kind stdio with this command', {
      remedy: 'add one to the file, the command written in the same way, or leave --policy out',
    });
  }
  return everybodys(config, found[0]);
}

function everybodys(config: GatewayConfig, connection: string): Projection {
  const groups = [...config.access, ...config.rules].flatMap((entry) => entry.groups ?? []);
  return projectPolicy(config, [...new Set(groups)], connection, 'gateway');
}
