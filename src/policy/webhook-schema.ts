// The part of the schema of gateway.yaml about webhooks: who is told of requests for approvals.
import { z } from 'zod';
import { secretRef, url } from './fields.ts';
import { webhookEvents } from './words.ts';

export const webhookSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,49}$/, 'is 1 to 50 lower-case letters, digits and -')
      .describe('Names the webhook in the gateway’s log.'),
    url: z
      .union([secretRef, url({ secure: true })], {
        error: 'must be an https:// URL (plain http only to this machine), or env:NAME or file:/path where the URL itself is a secret',
      })
      .describe('Where to POST. A URL that is a secret, as Slack’s are, is named like one: env:NAME or file:/path.'),
    format: z.enum(['standard', 'slack']).default('standard').describe('The body: as Standard Webhooks has it, or as Slack’s incoming webhooks take it.'),
    secret: secretRef.exactOptional().describe('What calls are signed with: whsec_ and base64 of 24 to 64 bytes.'),
    events: z
      .array(z.enum(webhookEvents))
      .min(1, 'is empty and matches nothing; leave it out for all')
      .default([...webhookEvents])
      .describe('Of what it is told.'),
  })
  .refine(({ format, secret }) => format === 'slack' || secret !== undefined, {
    path: ['secret'],
    message: 'is missing: without it nobody can tell our calls from others',
  })
  .describe('Somebody who is told of requests for approvals.');

export const webhooksSchema = z
  .array(webhookSchema)
  .max(20, 'are more than 20')
  .superRefine((hooks, context) => {
    for (const [i, { name }] of hooks.entries()) {
      if (hooks.findIndex((hook) => hook.name === name) !== i) context.addIssue({ code: 'custom', path: [i, 'name'], message: 'stands twice' });
    }
  });

export type WebhookFile = z.output<typeof webhookSchema>;
