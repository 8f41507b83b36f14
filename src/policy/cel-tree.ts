// Walks the tree of a parsed condition.
import type { CelExpr } from './cel-check.ts';

/** The expressions directly below one, in the order in which they are evaluated. */
export function childrenOf({ exprKind }: CelExpr): readonly CelExpr[] {
  switch (exprKind.case) {
    case 'selectExpr':
      return present([exprKind.value.operand]);
    case 'listExpr':
      return exprKind.value.elements;
    case 'structExpr':
      return exprKind.value.entries.flatMap(({ keyKind, value }) => present([keyKind.case === 'mapKey' ? keyKind.value : undefined, value]));
    case 'callExpr':
      return present([exprKind.value.target, ...exprKind.value.args]);
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return present([iterRange, accuInit, loopCondition, loopStep, result]);
    }
    default:
      return [];
  }
}

/** The expression and everything below it. */
export function* everyExpr(expr: CelExpr): Generator<CelExpr, void, undefined> {
  yield expr;
  for (const child of childrenOf(expr)) yield* everyExpr(child);
}

/** `args.a.b` for a chain of members and literal keys that begins with a variable; undefined for anything else. */
export function pathOf(expr: CelExpr): string | undefined {
  const { exprKind } = expr;
  if (exprKind.case === 'identExpr') return exprKind.value.name;
  if (exprKind.case === 'selectExpr') return joined(exprKind.value.operand, exprKind.value.field);
  if (exprKind.case !== 'callExpr' || exprKind.value.function !== '_[_]') return undefined;
  const [operand, key] = exprKind.value.args;
  const literal = stringLiteral(key);
  return literal === undefined ? undefined : joined(operand, literal);
}

/** The variable that such a chain begins with; an index of any kind is part of a chain. */
export function rootOf(expr: CelExpr | undefined): string | undefined {
  const { exprKind } = expr ?? {};
  if (exprKind?.case === 'identExpr') return exprKind.value.name;
  if (exprKind?.case === 'selectExpr') return rootOf(exprKind.value.operand);
  if (exprKind?.case === 'callExpr' && exprKind.value.function === '_[_]') return rootOf(exprKind.value.args[0]);
  return undefined;
}

/** The text of a string literal. */
export function stringLiteral(expr: CelExpr | undefined): string | undefined {
  const constant = expr?.exprKind.case === 'constExpr' ? expr.exprKind.value.constantKind : undefined;
  return constant?.case === 'stringValue' ? constant.value : undefined;
}

function joined(operand: CelExpr | undefined, field: string): string | undefined {
  const base = operand === undefined ? undefined : pathOf(operand);
  return base === undefined ? undefined : `${base}.${field}`;
}

function present(exprs: readonly (CelExpr | undefined)[]): readonly CelExpr[] {
  return exprs.filter((expr) => expr !== undefined);
}
