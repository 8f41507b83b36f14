// `has(x.f)` as CEL defines it: an error where x is no object. The evaluator's own says "no" of that, so that a text in the place of an object
// would slip by a rule. A member that is null counts as missing, as it does for most who read JSON.
import { CelScalar, celFunc, isCelMap } from '@bufbuild/cel';
import type { CelExpr } from './cel-check.ts';
import { everyExpr } from './cel-tree.ts';

const NAME = '@has';

/** For the environment in which the conditions are evaluated. */
export const hasFunction = celFunc(NAME, [CelScalar.DYN, CelScalar.STRING], CelScalar.BOOL, (object, key) => {
  if (!isCelMap(object)) throw new Error('has() looks for a member of what is no object');
  return object.has(key);
});

/** Makes each `has` of the expression a call of that function, in place. */
export function putHasFunction(expr: CelExpr): void {
  for (const one of [...everyExpr(expr)]) {
    const { exprKind } = one;
    if (exprKind.case !== 'selectExpr' || !exprKind.value.testOnly || exprKind.value.operand === undefined) continue;
    const { operand, field } = exprKind.value;
    const key = { ...operand, id: one.id, exprKind: { case: 'constExpr', value: { constantKind: { case: 'stringValue', value: field } } } };
    Object.assign(one, { exprKind: { case: 'callExpr', value: { function: NAME, args: [operand, key] } } });
  }
}
