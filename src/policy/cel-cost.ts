// How long a condition can take on a call of a given size, before it is evaluated: nothing in the evaluator stops a loop.
import type { CelExpr } from './cel-check.ts';
import { childrenOf, rootOf } from './cel-tree.ts';

/** The size of what a condition can read. */
export interface CallSize {
  /** Values, at any depth. */
  readonly values: number;
  /** Characters. */
  readonly characters: number;
}

/** Where an expression stands: how often it is evaluated at most. */
interface Place {
  /** Rounds of the loops around those that run over parts of each other. */
  readonly outer: number;
  /** Rounds of the chain of loops in which each runs over a part of the item of the one around it: together no more than there are values. */
  readonly chain: number;
  /** The item of the innermost loop. */
  readonly item: string | undefined;
}

/** What some functions cost per character that they read, in steps. */
const perCharacter: ReadonlyMap<string, number> = new Map([
  ['matches', 1 / 10],
  ['size', 1 / 50],
  ['contains', 1 / 500],
  ['startsWith', 1 / 2000],
  ['endsWith', 1 / 2000],
  ['_+_', 1 / 500],
  ['string', 1 / 500],
  ['bytes', 1 / 100],
  ['timestamp', 1 / 100],
  ['duration', 1 / 100],
]);
/** What is compared value by value. */
const perValue: ReadonlySet<string> = new Set(['_==_', '_!=_', '@in']);

/** An upper bound of the steps, each about a microsecond, that the expression takes on a call of that size. */
export function stepsOf(expr: CelExpr, size: CallSize): number {
  return steps(expr, size, { outer: 1, chain: 1, item: undefined });
}

function steps(expr: CelExpr, size: CallSize, place: Place): number {
  const { exprKind } = expr;
  const times = place.outer * place.chain;
  if (exprKind.case === 'comprehensionExpr') return loop(exprKind.value, size, place);
  let own = times;
  if (exprKind.case === 'callExpr') {
    const { function: name, target, args } = exprKind.value;
    const read = target ?? args[0];
    // All items of a loop together have no more characters than there are.
    const readings = rootOf(read) === place.item && place.item !== undefined ? place.outer : times;
    own += (perCharacter.get(name) ?? 0) * size.characters * readings;
    if (perValue.has(name) && !args.some(isScalarConstant)) own += (size.values * times) / 20;
  }
  for (const child of childrenOf(expr)) own += steps(child, size, place);
  return own;
}

function loop(value: Extract<CelExpr['exprKind'], { case: 'comprehensionExpr' }>['value'], size: CallSize, place: Place): number {
  const { iterRange, iterVar, accuInit, loopCondition, loopStep, result } = value;
  const nested = place.item !== undefined && rootOf(iterRange) === place.item;
  const literal = iterRange?.exprKind.case === 'listExpr' ? iterRange.exprKind.value.elements.length : undefined;
  const rounds = literal ?? Math.max(1, size.values);
  const inner: Place = nested
    ? { outer: place.outer, chain: Math.max(1, size.values), item: iterVar }
    : { outer: place.outer * place.chain, chain: rounds, item: iterVar };
  let own = inner.outer * inner.chain;
  // `map` and `filter` grow a list that is walked from its beginning.
  if (accuInit?.exprKind.case === 'listExpr') own += (own * rounds) / 20;
  for (const child of [iterRange, accuInit, result]) if (child !== undefined) own += steps(child, size, place);
  for (const child of [loopCondition, loopStep]) if (child !== undefined) own += steps(child, size, inner);
  return own;
}

function isScalarConstant(expr: CelExpr): boolean {
  return expr.exprKind.case === 'constExpr';
}
