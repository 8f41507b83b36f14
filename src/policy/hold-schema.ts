// The part of the schema of gateway.yaml about approvals: of a grant, of a call, of a changed tool.
import { z } from 'zod';
import { limits } from '../base/limits.ts';
import { duration, groups } from './fields.ts';

const approvers = groups.describe('Groups whose members may approve; nobody approves their own.');
const min = z.int('must be a whole number').min(1, 'must be 1 at least').max(20, 'must be 20 at most').default(1).describe('How many of them must.');
const within = (what: string) => duration(limits.holdMsMax, '24h').default('10m').describe(what);

export const approvalSchema = z
  .union([
    z.literal('none'),
    z
      .strictObject({ approvers, min, within: within('How long somebody waits for the approval.') })
      .describe('Who must approve before the connection is opened.'),
  ])
  .default('none')
  .describe('Whether opening the connection needs an approval: none, or by whom.');

export const holdSchema = z
  .strictObject({
    approvers,
    min,
    within: within('How long the hold, and its approval, is good for.'),
    reveal: z.literal('approvers').exactOptional().describe('Shows approvers the arguments unmasked.'),
    masked_arguments: z.literal('deny').exactOptional().describe('Denies the call where any of its arguments would be masked for approvers.'),
  })
  .describe('The call waits until somebody approves it.');

export type HoldFile = z.output<typeof holdSchema>;
