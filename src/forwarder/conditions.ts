// Loads the language of conditions where a session's policy has one.
import type { ConditionLanguage } from '../policy/condition.ts';
import type { Projection } from '../policy/projection.ts';

/** What reads the conditions of the projection's rules. */
export async function conditionsOf({ rules }: Projection): Promise<ConditionLanguage> {
  const conditional = rules.some(({ when, except }) => when !== undefined || except?.some((scope) => scope.when !== undefined));
  return conditional ? (await import('../policy/condition.ts')).conditionLanguage : noConditions;
}

const noConditions: ConditionLanguage = { read: unneeded, variables: unneeded };

function unneeded(): never {
  throw new Error('no rule has a condition');
}
