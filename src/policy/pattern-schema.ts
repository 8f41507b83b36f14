// The part of the schema of gateway.yaml about patterns that its author adds to what is masked.
import { z } from 'zod';
import { limits } from '../base/limits.ts';
import { compileRe2, isRe2 } from '../base/re2.ts';
import { line } from './fields.ts';

const pattern = line(limits.patternLengthMax).superRefine((value, context) => {
  const compiled = compileRe2(value);
  if (!isRe2(compiled)) context.addIssue({ code: 'custom', message: compiled.reason });
  else if (compiled.test('')) context.addIssue({ code: 'custom', message: 'matches where there is nothing; say what must stand there at least' });
  else if (compiled.programSize() > limits.patternProgramMax)
    context.addIssue({ code: 'custom', message: 'is too large when its repetitions are written out' });
});

/** `mask.patterns`: what the author of the policy looks for beside the detectors. */
export const patternsSchema = z
  .array(
    z.strictObject({
      name: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,23}$/, 'is 1 to 24 small letters, digits and -, a letter first')
        .describe('Stands in the mark: [pattern:employee-id].'),
      pattern: pattern.describe('A regular expression in RE2 syntax: "EMP-[0-9]{6}".'),
      keywords: z
        .array(line(100))
        .min(1, 'is empty; leave it out')
        .exactOptional()
        .describe('The pattern is looked for only in texts that have one of these, in any case.'),
    }),
  )
  .max(limits.patternsMax, `are more than ${limits.patternsMax}`)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'a name stands twice')
  .describe('Patterns of your own.');
