// Whether somebody may open a connection, in words for whoever may not.
import { McprecError } from '../base/errors.ts';
import { type ConnectionAccess, connectionAccess } from '../policy/access.ts';
import type { GatewayConfig } from '../policy/config.ts';

/** How long the grant may last, and whose approval it needs. Throws `not_found` or `connection_denied`, saying what there is, who may or when. */
export function accessOf(config: GatewayConfig, groups: readonly string[], connection: string, nowMs: number): Extract<ConnectionAccess, { kind: 'granted' }> {
  const access = connectionAccess(config, groups, connection, nowMs);
  switch (access.kind) {
    case 'granted':
      return access;
    case 'closed':
      throw new McprecError('connection_denied', `connection ${connection} is open to you ${access.hours.join(' and ')}, and it is another time now`, {
        remedy: 'come back then, or ask the platform owner for access',
      });
    case 'denied': {
      const who = access.groups.length === 0 ? 'no group is' : `allowed: ${access.groups.join(', ')}`;
      throw new McprecError('connection_denied', `none of your groups may use connection ${connection} (${who})`);
    }
    case 'unknown': {
      const usable = access.connections.filter((name) => connectionAccess(config, groups, name, nowMs).kind !== 'denied');
      const list = usable.length === 0 ? 'there is none that you may use' : `you may use: ${usable.join(', ')}`;
      throw new McprecError('not_found', `there is no connection named ${connection}; ${list}`, {
        remedy: 'choose one of these, or ask the platform owner for access',
      });
    }
  }
}
