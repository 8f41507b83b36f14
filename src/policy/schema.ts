// The schema of gateway.yaml as it is written (snake_case); its descriptions are what editors show. parse.ts turns what it
// accepts into a GatewayConfig. Only what works is in it: a key that a later version may bring is unknown here.
import { z } from 'zod';
import { detectorNames, detectorsDefault } from '../base/detectors.ts';
import { limits } from '../base/limits.ts';
import { accessSchema } from './access-schema.ts';
import { connectionNames, connectionSchema } from './connection-schema.ts';
import { duration, line, maskFields, secretRef, url } from './fields.ts';
import { patternsSchema } from './pattern-schema.ts';
import { retentionSchema } from './retention-schema.ts';
import { ruleSchema } from './rule-schema.ts';
import { webhooksSchema } from './webhook-schema.ts';

const identity = z
  .strictObject({
    issuer: url({ secure: true }).describe('Issuer of the OIDC provider, exactly as the provider writes it.'),
    audience: line(300).describe('The audience that access tokens must name.'),
    groups_claim: line(300).default('groups').describe('The claim that holds the groups.'),
    client_id: line(300).default('mcprec').describe('The OIDC client that `mcprec login` uses.'),
    scopes: z.array(line(300)).min(1).default(['openid', 'email', 'offline_access']).describe('Scopes that `mcprec login` asks for.'),
    groups: z.array(line(300)).exactOptional().describe('The groups that there are. Where this is given, any other name in this file is an error.'),
    admin_groups: z.array(line(300)).default([]).describe('Groups that see everyone’s sessions and may revoke grants.'),
    machine_owners: z
      .record(line(300), line(300))
      .default({})
      .describe('Whose a machine is: its subject, and the subject or e-mail address of a person, who then approves nothing that it asks for.'),
    bound_tokens: z
      .enum(['people', 'required', 'when-offered'])
      .default('people')
      .describe('Whose access tokens must be bound to a key (DPoP): those of people, all, or only where the provider binds them.'),
    clock_skew: duration(300_000, '5m').default('30s').describe('How far the provider’s clock may be off.'),
  })
  .describe('Who people are.');

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
    fields: maskFields.default([]).describe('Places that are masked whatever they hold.'),
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
    access: z.array(accessSchema).default([]).describe('Who may use what. What no entry gives is denied.'),
    rules: z.array(ruleSchema).default([]).describe('What is denied, held or masked all the same.'),
    mask: mask.prefault({}),
    witnesses: z
      .array(
        z.strictObject({
          url: url().describe('Where it takes add-checkpoint: the address before that.'),
          key: line(500).describe('Its verifier key, as mcprec witness prints it.'),
        }),
      )
      .default([])
      .describe('Independent witnesses that must co-sign the gateway’s tree: without them there are no receipts.'),
    hold_wait: duration(limits.holdWaitMsMax, '30m').default('45s').describe('How long a held call is kept waiting before its caller is told to come again.'),
    retention: retentionSchema.prefault({}),
    webhooks: webhooksSchema.default([]).describe('Who is told of requests for approvals.'),
  })
  .describe('The configuration of an mcprec gateway.');

export type ConfigFile = z.output<typeof fileSchema>;

/** The JSON Schema (2020-12) of gateway.yaml, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return { title: 'gateway.yaml', ...z.toJSONSchema(fileSchema, { io: 'input' }) };
}
