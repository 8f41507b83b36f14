// The schema of gateway.yaml as it is written (snake_case); its descriptions are what editors show. parse.ts turns what it
// accepts into a GatewayConfig. Only what works is in it: a key that a later version may bring is unknown here.
import { z } from 'zod';
import { detectorNames, detectorsDefault, fieldActions } from '../base/detectors.ts';
import { limits } from '../base/limits.ts';
import { connectionNames, connectionSchema } from './connection-schema.ts';
import { duration, fieldPath, globs, groups, line, secretRef, someGlobs, url } from './fields.ts';
import { patternsSchema } from './pattern-schema.ts';

const identity = z
  .strictObject({
    issuer: url({ secure: true }).describe('Issuer of the OIDC provider, exactly as the provider writes it.'),
    audience: line(300).describe('The audience that access tokens must name.'),
    groups_claim: line(300).default('groups').describe('The claim that holds the groups.'),
    client_id: line(300).default('mcprec').describe('The OIDC client that `mcprec login` uses.'),
    scopes: z.array(line(300)).min(1).default(['openid', 'email', 'offline_access']).describe('Scopes that `mcprec login` asks for.'),
    admin_groups: z.array(line(300)).default([]).describe('Groups that see everyone’s sessions and may revoke grants.'),
    bound_tokens: z
      .enum(['people', 'required', 'when-offered'])
      .default('people')
      .describe('Whose access tokens must be bound to a key (DPoP): those of people, all, or only where the provider binds them.'),
    clock_skew: duration(300_000, '5m').default('30s').describe('How far the provider’s clock may be off.'),
  })
  .describe('Who people are.');

const scope = {
  methods: globs.exactOptional().describe('MCP methods, or for intake and http the verb and path: "POST /api/v2/series".'),
  tools: globs.exactOptional().describe('Tools, as globs: "search_*".'),
  resources: globs.exactOptional().describe('URIs of resources, as globs.'),
  prompts: globs.exactOptional().describe('Prompts, as globs.'),
  metrics: globs.exactOptional().describe('Namespaces of metrics and checks, as globs: "checkout.*".'),
};

const accessEntry = z
  .strictObject({
    groups: groups.exactOptional().describe('Whom this entry concerns; left out: everyone who can log in.'),
    connections: someGlobs.exactOptional().describe('Which connections; left out: all.'),
    ...scope,
    ttl: duration(limits.grantMsMax, '24h').default('1h').describe('How long a grant lasts.'),
  })
  .describe('What a group may use. A list that is left out means any; several entries add up.');

const rule = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'is 1 to 100 letters, digits, dots, - and _')
      .refine((id) => id !== 'access', 'the name access is taken: it stands for a missing access entry')
      .describe('Names the rule in denials and in the record.'),
    deny: z.literal(true).describe('What the rule does.'),
    groups: groups.exactOptional().describe('Whom it concerns; left out: everyone.'),
    connections: someGlobs.exactOptional().describe('Which connections; left out: all.'),
    methods: someGlobs.exactOptional().describe('MCP methods, or for intake and http the verb and path.'),
    tools: someGlobs.exactOptional().describe('Tools, as globs.'),
    resources: someGlobs.exactOptional().describe('URIs of resources, as globs.'),
    prompts: someGlobs.exactOptional().describe('Prompts, as globs.'),
    metrics: someGlobs.exactOptional().describe('Namespaces; the rule holds where any name in the call matches.'),
    message: line(500).exactOptional().describe('Shown to the caller.'),
  })
  .describe('Takes away from what access gives. A deny beats every access entry.');

const mask = z
  .strictObject({
    apply: z
      .array(z.enum(['record', 'client']))
      .refine((where) => where.includes('record'), 'must name record: what is stored is always masked')
      .default(['record'])
      .describe('Where masks apply; with client, answers are masked on the wire as well.'),
    detectors: z
      .array(z.enum(detectorNames))
      .default([...detectorsDefault])
      .describe('What is looked for.'),
    patterns: patternsSchema.default([]),
    pseudonym_epoch: duration(limits.pseudonymEpochMsMax, '365d').default('30d').describe('How long a value keeps its pseudonym.'),
    fields: z
      .array(
        z.strictObject({
          path: fieldPath.describe('A place: "$..password", "$..attributes.user.*", or a bare key name.'),
          as: z.enum(fieldActions).default('redact').describe('What becomes of the value.'),
        }),
      )
      .default([])
      .describe('Places that are masked whatever they hold.'),
  })
  .describe('What is masked, and where.');

export const fileSchema = z
  .strictObject({
    listen: z
      .string('must be HOST:PORT')
      .regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/, { message: 'must be HOST:PORT', abort: true })
      .refine((value) => Number(value.slice(value.lastIndexOf(':') + 1)) <= 65_535, 'the port must be 65535 at most')
      .default('127.0.0.1:7470')
      .describe('Where the gateway listens. Port 0 takes a free one.'),
    public_url: url({ originOnly: true }).exactOptional().describe('The address that clients use: scheme, host and port. Default: http:// and listen.'),
    data: z
      .string()
      .regex(/^sqlite:.+$/, 'must be sqlite:PATH')
      .describe('Where the gateway stores what it knows; a relative path counts from this file.'),
    keys: secretRef.describe('Where the gateway’s own keys are: file:/path or env:NAME.'),
    identity,
    connections: z.record(connectionNames, connectionSchema).describe('The targets, by name.'),
    access: z.array(accessEntry).default([]).describe('Who may use what. What no entry gives is denied.'),
    rules: z.array(rule).default([]).describe('What is denied all the same.'),
    mask: mask.prefault({}),
  })
  .describe('The configuration of an mcprec gateway.');

export type ConfigFile = z.output<typeof fileSchema>;

/** The JSON Schema (2020-12) of gateway.yaml, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return { title: 'gateway.yaml', ...z.toJSONSchema(fileSchema, { io: 'input' }) };
}
