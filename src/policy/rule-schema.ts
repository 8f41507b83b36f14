// The part of the schema of gateway.yaml about rules: what is denied, held for a human, or masked.
import { z } from 'zod';
import { detectorNames, maskPlaces } from '../base/detectors.ts';
import { condition, groups, line, maskFields, someGlobs } from './fields.ts';
import { holdSchema } from './hold-schema.ts';

const ruleScope = {
  groups: groups.exactOptional().describe('Whom it concerns; left out: everyone.'),
  connections: someGlobs.exactOptional().describe('Which connections; left out: all.'),
  methods: someGlobs.exactOptional().describe('MCP methods, or for intake and http the verb and path.'),
  paths: someGlobs.exactOptional().describe('Paths of intake and http calls, as globs: "/api/v2/*".'),
  tools: someGlobs.exactOptional().describe('Tools, as globs.'),
  resources: someGlobs.exactOptional().describe('URIs of resources, as globs.'),
  prompts: someGlobs.exactOptional().describe('Prompts, as globs.'),
  metrics: someGlobs.exactOptional().describe('Namespaces; the rule holds where any name in the call matches.'),
  when: condition.exactOptional().describe('A condition in CEL over call, args, identity, session, connection and now.'),
};

const except = z
  .strictObject(ruleScope)
  .refine((scope) => Object.keys(scope).length > 0, 'is empty, and would exempt everything')
  .describe('What the rule leaves alone: all that is given here must hold.');

const ruleMask = z
  .strictObject({
    apply: z
      .array(z.enum(maskPlaces))
      .min(1, 'is empty, so that nothing would be masked')
      .default(['record', 'client'])
      .describe('Where: the record, the answer to the client, the request to the upstream.'),
    detectors: z.array(z.enum(detectorNames)).default([]).describe('What is looked for beside what `mask` names.'),
    fields: maskFields.default([]).describe('Places that are masked whatever they hold.'),
  })
  .refine(({ detectors, fields }) => detectors.length + fields.length > 0, 'masks nothing; name detectors or fields')
  .describe('What is masked in these calls beside what is masked anyway.');

export const ruleSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'is 1 to 100 letters, digits, dots, - and _')
      .refine((id) => id !== 'access', 'the name access is taken: it stands for a missing access entry')
      .describe('Names the rule in denials and in the record.'),
    deny: z.literal(true).exactOptional().describe('Denies what matches.'),
    hold: holdSchema.exactOptional(),
    mask: ruleMask.exactOptional(),
    ...ruleScope,
    except: z
      .union([except, z.array(except).min(1, 'is empty; leave it out')])
      .exactOptional()
      .describe('What the rule leaves alone; a list where any one of several is enough.'),
    message: line(500).exactOptional().describe('Shown to the caller.'),
  })
  .refine(
    ({ deny, hold: held, mask: masked }) => [deny, held, masked].filter((effect) => effect !== undefined).length === 1,
    'must say one of deny, hold and mask',
  )
  .describe('Takes away from what access gives: deny beats hold, and both beat every access entry.');
