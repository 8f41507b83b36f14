// The part of the policy that concerns one identity on one connection. The gateway decides by it and signs it for the
// forwarder, so that both decide alike. No group's name is in it, no credential, nothing of other connections.
import { z } from 'zod';
import { connectionKinds, recordModes } from '../base/connection.ts';
import { detectorNames, fieldActions } from '../base/detectors.ts';
import { McprecError } from '../base/errors.ts';
import { applies } from './access.ts';
import type { GatewayConfig, Scope } from './config.ts';
import { policyHash } from './hash.ts';

const list = z.array(z.string()).exactOptional();
const scopeSchema = z.object({ methods: list, tools: list, resources: list, prompts: list, metrics: list });

export const projectionSchema = z.object({
  version: z.literal(1),
  /** Of the whole policy that this is a part of; hex. */
  policyHash: z.string().regex(/^[0-9a-f]{64}$/),
  connection: z.object({
    name: z.string(),
    kind: z.enum(connectionKinds),
    record: z.enum(recordModes),
    paths: z.array(z.string()),
    unscopedTools: z.array(z.string()),
    unmaskable: z.enum(['refuse', 'pass']),
  }),
  access: z.array(scopeSchema),
  rules: z.array(scopeSchema.extend({ id: z.string(), effect: z.literal('deny'), message: z.string().exactOptional() })),
  mask: z.object({
    apply: z.array(z.enum(['record', 'client'])),
    detectors: z.array(z.enum(detectorNames)),
    patterns: z.array(z.object({ name: z.string(), pattern: z.string(), keywords: list })),
    pseudonymEpochMs: z.number(),
    fields: z.array(z.object({ path: z.string(), as: z.enum(fieldActions) })),
  }),
});
export type Projection = z.infer<typeof projectionSchema>;

/** The projection for a person in `groups` on `connection`. Throws `not_found` where there is no such connection. */
export function projectPolicy(config: GatewayConfig, groups: readonly string[], connection: string): Projection {
  const target = Object.hasOwn(config.connections, connection) ? config.connections[connection] : undefined;
  if (target === undefined) throw new McprecError('not_found', `there is no connection named ${connection}`);
  return {
    version: 1,
    policyHash: Buffer.from(policyHash(config)).toString('hex'),
    connection: {
      name: connection,
      kind: target.kind,
      record: target.record,
      paths: [...target.paths],
      unscopedTools: [...target.unscopedTools],
      unmaskable: target.unmaskable,
    },
    access: config.access.filter((entry) => applies(entry, groups, connection)).map(scopeOf),
    rules: config.rules
      .filter((rule) => applies(rule, groups, connection))
      .map((rule) => ({ id: rule.id, effect: rule.effect, ...(rule.message === undefined ? {} : { message: rule.message }), ...scopeOf(rule) })),
    mask: {
      apply: [...config.mask.apply],
      detectors: [...config.mask.detectors],
      patterns: config.mask.patterns.map(({ keywords, ...pattern }) => ({ ...pattern, ...(keywords !== undefined && { keywords: [...keywords] }) })),
      pseudonymEpochMs: config.mask.pseudonymEpochMs,
      fields: config.mask.fields.map((field) => ({ ...field })),
    },
  };
}

const scopeKeys = ['methods', 'tools', 'resources', 'prompts', 'metrics'] as const;

function scopeOf(scope: Scope): Projection['access'][number] {
  return Object.fromEntries(scopeKeys.flatMap((key) => (scope[key] === undefined ? [] : [[key, [...scope[key]]]])));
}
