// The part of the policy that concerns one identity on one connection. The gateway decides by it and signs it for the
// forwarder, so that both decide alike. No group's name is in it, no credential, nothing of other connections.
import { z } from 'zod';
import { connectionKinds, recordModes, witnessModes } from '../base/connection.ts';
import { detectorNames, fieldActions, maskPlaces } from '../base/detectors.ts';
import { McprecError } from '../base/errors.ts';
import { applies } from './access.ts';
import type { AccessEntry, GatewayConfig, Rule, RuleScope, Scope } from './config.ts';
import { policyHash } from './hash.ts';
import { queryForms } from './query-arguments.ts';
import { serverRequestKinds, weekdays } from './words.ts';

const list = z.array(z.string()).exactOptional();
const scopeSchema = z.object({ methods: list, tools: list, resources: list, prompts: list, paths: list, metrics: list });
const ruleScopeSchema = scopeSchema.extend({ when: z.string().exactOptional() });
const approval = { approvers: z.array(z.string()), min: z.number(), withinMs: z.number() };
const maskTerms = {
  detectors: z.array(z.enum(detectorNames)),
  fields: z.array(z.object({ path: z.string(), as: z.enum(fieldActions) })),
};

const accessSchema = scopeSchema.extend({
  tags: list,
  hours: z.object({ days: z.array(z.enum(weekdays)), fromMin: z.number(), toMin: z.number(), zone: z.string() }).exactOptional(),
  calls: z.object({ perMinute: z.number().exactOptional(), perSession: z.number().exactOptional() }).exactOptional(),
  serverRequests: z.array(z.enum(serverRequestKinds)).exactOptional(),
});

const ruleCommon = ruleScopeSchema.extend({
  id: z.string(),
  message: z.string().exactOptional(),
  except: z.array(ruleScopeSchema).exactOptional(),
});
const ruleSchema = z.discriminatedUnion('effect', [
  ruleCommon.extend({ effect: z.literal('deny') }),
  ruleCommon.extend({
    effect: z.literal('hold'),
    hold: z.object({ ...approval, reveal: z.literal('approvers').exactOptional(), maskedArguments: z.literal('deny').exactOptional() }),
  }),
  ruleCommon.extend({ effect: z.literal('mask'), mask: z.object({ apply: z.array(z.enum(maskPlaces)), ...maskTerms }) }),
]);

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
    queryArguments: z.record(z.string(), z.array(z.object({ path: z.string(), is: z.enum(queryForms) }))),
    unmaskable: z.enum(['refuse', 'pass']),
    witness: z.enum(witnessModes),
  }),
  access: z.array(accessSchema),
  rules: z.array(ruleSchema),
  mask: z.object({
    apply: z.array(z.enum(['record', 'client'])),
    patterns: z.array(z.object({ name: z.string(), pattern: z.string(), keywords: list })),
    pseudonymEpochMs: z.number(),
    ...maskTerms,
  }),
});
export type ProjectedScope = z.infer<typeof ruleScopeSchema>;
export type ProjectedAccess = z.infer<typeof accessSchema>;
export type ProjectedRule = z.infer<typeof ruleSchema>;
export type Projection = z.infer<typeof projectionSchema>;

/** For whom a projection is: the gateway decides by all of the policy; the forwarder gets what needs no state and no clock of the gateway's. */
export type Vantage = 'gateway' | 'forwarder';

/** The projection for a person in `groups` on `connection`. Throws `not_found` where there is no such connection. */
export function projectPolicy(config: GatewayConfig, groups: readonly string[], connection: string, vantage: Vantage): Projection {
  const target = Object.hasOwn(config.connections, connection) ? config.connections[connection] : undefined;
  if (target === undefined) throw new McprecError('not_found', `there is no connection named ${connection}`);
  const { kind, record, paths, unscopedTools, queryArguments, unmaskable, witness } = target;
  const whose: Whose = { groups, connection };
  return {
    version: 1,
    policyHash: Buffer.from(policyHash(config)).toString('hex'),
    connection: {
      name: connection,
      kind,
      record,
      paths: [...paths],
      unscopedTools: [...unscopedTools],
      queryArguments: Object.fromEntries(Object.entries(queryArguments).map(([tool, places]) => [tool, places.map((place) => ({ ...place }))])),
      unmaskable,
      witness,
    },
    access: config.access.filter((entry) => applies(entry, groups, connection)).map((entry) => accessOf(entry, vantage)),
    rules: config.rules.flatMap((rule) => ruleOf(rule, whose, vantage)),
    mask: {
      apply: [...config.mask.apply],
      patterns: config.mask.patterns.map(({ keywords, ...pattern }) => ({ ...pattern, ...(keywords !== undefined && { keywords: [...keywords] }) })),
      pseudonymEpochMs: config.mask.pseudonymEpochMs,
      ...maskTermsOf(config.mask),
    },
  };
}

interface Whose {
  readonly groups: readonly string[];
  readonly connection: string;
}

const scopeKeys = ['methods', 'tools', 'resources', 'prompts', 'paths', 'metrics'] as const;

function scopeOf(scope: Scope): z.infer<typeof scopeSchema> {
  return Object.fromEntries(scopeKeys.flatMap((key) => (scope[key] === undefined ? [] : [[key, [...scope[key]]]])));
}

function ruleScopeOf(scope: RuleScope): ProjectedScope {
  return { ...scopeOf(scope), ...(scope.when !== undefined && { when: scope.when }) };
}

function accessOf(entry: AccessEntry, vantage: Vantage): ProjectedAccess {
  const { hours, calls, tags, serverRequests } = entry;
  return {
    ...scopeOf(entry),
    ...(tags !== undefined && { tags: [...tags] }),
    ...(serverRequests !== undefined && { serverRequests: [...serverRequests] }),
    ...(vantage === 'gateway' && hours !== undefined && { hours: { ...hours, days: [...hours.days] } }),
    ...(vantage === 'gateway' && calls !== undefined && { calls: { ...calls } }),
  };
}

function ruleOf(rule: Rule, { groups, connection }: Whose, vantage: Vantage): ProjectedRule[] {
  if (!applies(rule, groups, connection)) return [];
  const exempt = (rule.except ?? []).filter((scope) => applies(scope, groups, connection)).map(ruleScopeOf);
  // What is left of an exemption of this very group is nothing: the rule does not concern it.
  if (exempt.some((scope) => Object.keys(scope).length === 0)) return [];
  if (vantage === 'forwarder' && (rule.effect === 'hold' || [rule, ...exempt].some(readsGatewayState))) return [];
  const common = {
    id: rule.id,
    ...ruleScopeOf(rule),
    ...(rule.message !== undefined && { message: rule.message }),
    ...(exempt.length > 0 && { except: exempt }),
  };
  switch (rule.effect) {
    case 'deny':
      return [{ ...common, effect: 'deny' }];
    case 'hold':
      return [{ ...common, effect: 'hold', hold: { ...rule.hold, approvers: [...rule.hold.approvers] } }];
    case 'mask':
      return [{ ...common, effect: 'mask', mask: { apply: [...rule.mask.apply], ...maskTermsOf(rule.mask) } }];
    default:
      return rule satisfies never;
  }
}

/** Only the gateway knows what time it is, and when the session began. */
function readsGatewayState({ when }: RuleScope): boolean {
  return when !== undefined && /\b(now|session)\b/.test(when);
}

function maskTermsOf({ detectors, fields }: Pick<GatewayConfig['mask'], 'detectors' | 'fields'>): Pick<Projection['mask'], 'detectors' | 'fields'> {
  return { detectors: [...detectors], fields: fields.map((field) => ({ ...field })) };
}
