// How long contents of recorded sessions are kept, as gateway.yaml says it.
import { z } from 'zod';
import { limits } from '../base/limits.ts';
import { parseSize } from '../base/size.ts';
import { duration } from './fields.ts';

export const retentionSchema = z
  .strictObject({
    keep: duration(limits.keepMsMax, '7300d').exactOptional().describe('Contents of sessions that ended longer ago are removed. Default: they stay.'),
    max_size: z
      .string('must be a size such as 50GB')
      .refine((text) => (parseSize(text) ?? 0) > 0, 'must be a size such as 50GB')
      .exactOptional()
      .describe('Where the store is larger, contents of the oldest sessions are removed. Default: no bound.'),
    owners_erase: z.boolean().default(false).describe('Whether people may have their own sessions erased; administrators may erase any.'),
  })
  .describe('How long contents of recorded sessions are kept.');
