// Finds the members of `args` that a condition reads although they may be missing: a missing one is an error, and an error
// is a denial. `has(args.x) && …` and `!has(args.x) || …` guard it, on either side, because CEL lets the other side decide.
import type { CelExpr } from './cel-check.ts';
import { childrenOf, pathOf, rootOf, stringLiteral } from './cel-tree.ts';
import { celVariables } from './cel-types.ts';

export interface Unguarded {
  readonly exprId: bigint;
  /** `args.scope`. */
  readonly path: string;
}

type Facts = ReadonlySet<string>;

/** What may be missing where it is read, each path once. */
export function unguardedIn(expr: CelExpr): readonly Unguarded[] {
  const found = new Map<string, Unguarded>();
  visit(expr, new Set(), found);
  return [...found.values()];
}

function visit(expr: CelExpr, facts: Facts, found: Map<string, Unguarded>): void {
  const { exprKind } = expr;
  if (exprKind.case === 'callExpr') {
    const [a, b, c] = exprKind.value.args;
    const name = exprKind.value.function;
    if ((name === '_&&_' || name === '_||_') && a !== undefined && b !== undefined) {
      const given = name === '_&&_';
      visit(a, union(facts, presentWhere(b, given)), found);
      visit(b, union(facts, presentWhere(a, given)), found);
      return;
    }
    if (name === '_?_:_' && a !== undefined && b !== undefined && c !== undefined) {
      visit(a, facts, found);
      visit(b, union(facts, presentWhere(a, true)), found);
      visit(c, union(facts, presentWhere(a, false)), found);
      return;
    }
  }
  const path = pathOf(expr);
  const isTest = exprKind.case === 'selectExpr' && exprKind.value.testOnly;
  if (path?.includes('.') && !isTest && canLack(rootOf(expr)) && !facts.has(path)) found.set(path, { exprId: expr.id, path });
  for (const child of childrenOf(expr)) visit(child, facts, found);
}

/** Everything but the variables whose members are always there: `args`, and what a loop runs over. */
function canLack(root: string | undefined): boolean {
  return root !== undefined && !root.startsWith('@') && celVariables[root]?.fields === undefined;
}

/** What is there for certain where `expr` comes out as `outcome`. */
function presentWhere(expr: CelExpr, outcome: boolean): Facts {
  const { exprKind } = expr;
  if (exprKind.case === 'selectExpr' && exprKind.value.testOnly && outcome) return withPrefixes(pathOf(expr));
  if (exprKind.case !== 'callExpr') return new Set();
  const { function: name, args } = exprKind.value;
  const [a, b] = args;
  if (a === undefined) return new Set();
  if (name === '!_') return presentWhere(a, !outcome);
  if (b === undefined) return new Set();
  if (name === '@in' && outcome) {
    const key = stringLiteral(a);
    const base = pathOf(b);
    return key === undefined || base === undefined ? new Set() : withPrefixes(`${base}.${key}`);
  }
  if (name !== '_&&_' && name !== '_||_') return new Set();
  const left = presentWhere(a, outcome);
  const right = presentWhere(b, outcome);
  return (name === '_&&_') === outcome ? union(left, right) : new Set([...left].filter((path) => right.has(path)));
}

function withPrefixes(path: string | undefined): Facts {
  const steps = path?.split('.') ?? [];
  return new Set(steps.map((_, i) => steps.slice(0, i + 1).join('.')));
}

function union(a: Facts, b: Facts): Facts {
  return b.size === 0 ? a : new Set([...a, ...b]);
}
