// Names a policy by its content: the SHA-256 that stands in every entry which a decision made.
import { createHash } from 'node:crypto';
import type { GatewayConfig } from './config.ts';

/** SHA-256, 32 bytes, over what decides, masks and records: the same for every spelling, comment and order of keys; credentials and a server's environment are not part of it. */
export function policyHash(config: GatewayConfig): Uint8Array {
  const connections = Object.fromEntries(
    Object.entries(config.connections).map(
      ([name, { credentialHeaders: _, server, ...connection }]) => [name, { ...connection, server: server && { ...server, env: undefined } }] as const,
    ),
  );
  const text = canonicalJson({ version: 1, connections, access: config.access, rules: config.rules, mask: config.mask });
  return createHash('sha256').update(text).digest();
}

/** JSON with sorted keys and without white space; lists keep their order, which means something in rules. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
