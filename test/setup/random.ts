// One seed for every property test, so that a run repeats and its failure can be replayed; MCPREC_TEST_SEED=random looks for new ones.
import fc from 'fast-check';

const asked = process.env.MCPREC_TEST_SEED ?? '20261122';
if (asked !== 'random') fc.configureGlobal({ seed: Number(asked) });
