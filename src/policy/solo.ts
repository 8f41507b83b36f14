// The policy of the solo form (DESIGN §3): no gateway, no groups, everything allowed and recorded, default masks.
import { createHash } from 'node:crypto';
import type { ConnectionKind } from '../base/connection.ts';
import { detectorsDefault } from '../base/detectors.ts';
import type { Projection } from './projection.ts';

/** A projection that allows everything on a connection of that kind, which no gateway knows. */
export function soloProjection(name: string, kind: ConnectionKind): Projection {
  const open: Omit<Projection, 'policyHash'> = {
    version: 1,
    connection: { name, kind, record: 'full', paths: kind === 'http' ? ['/*'] : [], unscopedTools: [], unmaskable: 'refuse' },
    access: [{}],
    rules: [],
    mask: { apply: ['record'], detectors: [...detectorsDefault], fields: [] },
  };
  return { ...open, policyHash: createHash('sha256').update(JSON.stringify(open)).digest('hex') };
}
