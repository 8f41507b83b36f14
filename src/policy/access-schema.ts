// The part of the schema of gateway.yaml about access: who may use what, when, how often and after whose approval.
import { z } from 'zod';
import { limits } from '../base/limits.ts';
import { duration, globs, groups, someGlobs, timeOfDay, timeZone } from './fields.ts';
import { approvalSchema } from './hold-schema.ts';
import { serverRequestKinds, weekdays } from './words.ts';

const scope = {
  methods: globs.exactOptional().describe('MCP methods, or for intake and http the verb and path: "POST /api/v2/series".'),
  tools: globs.exactOptional().describe('Tools, as globs: "search_*".'),
  resources: globs.exactOptional().describe('URIs of resources, as globs.'),
  prompts: globs.exactOptional().describe('Prompts, as globs.'),
  paths: globs.exactOptional().describe('Paths of intake and http calls, as globs: "/api/v2/*".'),
  metrics: globs.exactOptional().describe('Namespaces of metrics, checks and events, as globs: "checkout.*".'),
};

const hours = z
  .strictObject({
    days: z
      .array(z.enum(weekdays))
      .min(1, 'is empty and never comes; leave it out for every day')
      .default([...weekdays])
      .describe('Days of the week, in that time zone.'),
    from: timeOfDay.default('00:00').describe('From when on.'),
    to: timeOfDay.default('24:00').describe('Until when; before `from`, it is of the next day.'),
    zone: timeZone.describe('Time zone: Europe/Berlin, UTC.'),
  })
  .refine(({ from, to }) => from !== to, { message: 'begins when it ends', path: ['to'] })
  .describe('When this entry gives anything.');

const count = (most: number) => z.int('must be a whole number').min(1, 'must be 1 at least').max(most, `must be ${most} at most`);
const calls = z
  .strictObject({
    per_minute: count(limits.callsPerMinuteMax).exactOptional().describe('By one person on one connection, in any 60 seconds.'),
    per_session: count(limits.callsPerSessionMax).exactOptional().describe('In one session.'),
  })
  .describe('How many calls this entry gives.');

export const accessSchema = z
  .strictObject({
    groups: groups.exactOptional().describe('Whom this entry concerns; left out: everyone who can log in.'),
    connections: someGlobs.exactOptional().describe('Which connections; left out: all.'),
    ...scope,
    tags: globs.exactOptional().describe('Tags that every series, check, event or query must have, as globs: "team:checkout", "env:*".'),
    ttl: duration(limits.grantMsMax, '24h').default('1h').describe('How long a grant lasts.'),
    hours: hours.exactOptional(),
    approval: approvalSchema,
    calls: calls.exactOptional(),
    server_requests: z
      .array(z.enum(serverRequestKinds))
      .exactOptional()
      .describe('What a server may ask of the client: sampling, elicitation, roots. Left out: all; empty: nothing.'),
  })
  .describe('What a group may use. A list that is left out means any; several entries add up.');
