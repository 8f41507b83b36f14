// Checks the types of a condition before it is ever evaluated: unknown names, functions that do not exist for what they
// are given, comparisons that can never be true. What comes from `args` has no type until it is there.
import type { CelEnv, parse } from '@bufbuild/cel';
import { nearestWord } from '../base/suggest.ts';
import { type CelKind, celKinds, celVariables, listOf } from './cel-types.ts';

export type CelExpr = ReturnType<typeof parse>['expr'];
type CallExpr = Extract<CelExpr['exprKind'], { case: 'callExpr' }>['value'];
type Comprehension = Extract<CelExpr['exprKind'], { case: 'comprehensionExpr' }>['value'];

/** What is wrong, and with which part of the expression. */
export class CelTypeError extends Error {
  readonly exprId: bigint;

  constructor(exprId: bigint, message: string) {
    super(message);
    this.exprId = exprId;
  }
}

type Scope = Readonly<Record<string, CelKind>>;
const { bool, dyn, int } = celKinds;
const numbers = new Set(['int', 'uint', 'double']);
const typeNames = new Set(['int', 'uint', 'double', 'bool', 'string', 'bytes', 'list', 'map', 'null_type', 'type']);

/** Throws `CelTypeError` where the expression cannot mean a truth value. */
export function checkCel(env: CelEnv, expr: CelExpr): void {
  const kind = new Checker(env).kindOf(expr, celVariables);
  if (!fits(kind, 'bool')) throw new CelTypeError(expr.id, `is ${article(kind)}, and a condition must be true or false`);
}

class Checker {
  readonly #env: CelEnv;

  constructor(env: CelEnv) {
    this.#env = env;
  }

  kindOf(expr: CelExpr, scope: Scope): CelKind {
    const { exprKind } = expr;
    switch (exprKind.case) {
      case 'constExpr':
        return constants[exprKind.value.constantKind.case ?? 'nullValue'] ?? dyn;
      case 'identExpr':
        return identifier(expr.id, exprKind.value.name, scope);
      case 'selectExpr':
        return member(expr.id, this.#operand(expr, exprKind.value.operand, scope), exprKind.value);
      case 'listExpr':
        return listOf(common(exprKind.value.elements.map((element) => this.kindOf(element, scope))));
      case 'structExpr':
        return this.#struct(expr.id, exprKind.value, scope);
      case 'callExpr':
        return this.#call(expr, exprKind.value, scope);
      case 'comprehensionExpr':
        return this.#comprehension(expr, exprKind.value, scope);
      default:
        throw new CelTypeError(expr.id, 'is not an expression');
    }
  }

  #operand(expr: CelExpr, operand: CelExpr | undefined, scope: Scope): CelKind {
    if (operand === undefined) throw new CelTypeError(expr.id, 'is not complete');
    return this.kindOf(operand, scope);
  }

  #struct(id: bigint, value: Extract<CelExpr['exprKind'], { case: 'structExpr' }>['value'], scope: Scope): CelKind {
    if (value.messageName !== '') throw new CelTypeError(id, `${value.messageName} is not known here`);
    for (const { keyKind, value: of } of value.entries) {
      if (keyKind.case === 'mapKey') this.kindOf(keyKind.value, scope);
      if (of !== undefined) this.kindOf(of, scope);
    }
    return celKinds.map;
  }

  #call(expr: CelExpr, call: CallExpr, scope: Scope): CelKind {
    const target = call.target === undefined ? undefined : this.kindOf(call.target, scope);
    const given = call.args.map((arg) => this.kindOf(arg, scope));
    const [first = dyn, second = dyn, third = dyn] = given;
    const { function: name } = call;
    switch (name) {
      case '_&&_':
      case '_||_':
        for (const [i, kind] of given.entries()) if (!fits(kind, 'bool')) throw noTruth(call.args[i] ?? expr, kind);
        return bool;
      case '@not_strictly_false':
        return bool;
      case '_?_:_':
        if (!fits(first, 'bool')) throw noTruth(call.args[0] ?? expr, first);
        return common([second, third]);
      case '_[_]':
        return indexed(expr.id, first, second, call.args[1]);
      case '_==_':
      case '_!=_':
        if (!comparable(first, second)) throw new CelTypeError(expr.id, `compares ${article(first)} with ${article(second)}, which are never equal`);
        return bool;
      case '@in':
        if (first.name !== 'dyn' && second.element !== undefined && !comparable(first, second.element)) {
          throw new CelTypeError(expr.id, `looks for ${article(first)} in a list of ${second.element.name}`);
        }
        return this.#overload(expr.id, name, target, given);
      default:
        return this.#overload(expr.id, name, target, given);
    }
  }

  #overload(id: bigint, name: string, target: CelKind | undefined, given: readonly CelKind[]): CelKind {
    const overloads = [...(this.#env.funcs.find(name) ?? [])];
    if (overloads.length === 0) {
      const known = [...new Set([...this.#env.funcs].map((f) => f.name))].filter((known) => /^[a-zA-Z]+$/.test(known));
      const near = nearestWord(name, known);
      throw new CelTypeError(id, `there is no function ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    const matching = overloads.filter(
      (o) =>
        (o.target === undefined) === (target === undefined) &&
        (o.target === undefined || target === undefined || fits(target, o.target.name)) &&
        o.arguments.length === given.length &&
        o.arguments.every((arg, i) => fits(given[i] ?? dyn, arg.name)),
    );
    if (matching.length > 0) {
      const results = new Set(matching.map((o) => o.result.name));
      return results.size === 1 ? kindNamed([...results][0] ?? 'dyn') : dyn;
    }
    const of = given.map(article).join(' and ');
    throw new CelTypeError(id, `${spoken(name)} does not take ${of || 'nothing'}${target === undefined ? '' : ` on ${article(target)}`}`);
  }

  #comprehension(expr: CelExpr, loop: Comprehension, scope: Scope): CelKind {
    const range = this.#operand(expr, loop.iterRange, scope);
    if (!fits(range, 'list') && !fits(range, 'map')) throw new CelTypeError(loop.iterRange?.id ?? expr.id, `is ${article(range)}, and not a list or a map`);
    const item = range.name === 'list' ? (range.element ?? dyn) : range.fields !== undefined ? celKinds.string : dyn;
    const initial = this.#operand(expr, loop.accuInit, scope);
    const accumulated = initial.name === 'list' ? listOf(dyn) : initial;
    const variables = loop.iterVar2 === '' ? { [loop.iterVar]: item } : { [loop.iterVar]: range.name === 'list' ? int : item, [loop.iterVar2]: dyn };
    const inner = { ...scope, ...variables, [loop.accuVar]: accumulated };
    if (loop.loopCondition !== undefined) this.kindOf(loop.loopCondition, inner);
    this.#operand(expr, loop.loopStep, inner);
    return this.#operand(expr, loop.result, inner);
  }
}

const constants: Readonly<Record<string, CelKind>> = {
  boolValue: bool,
  int64Value: int,
  uint64Value: celKinds.uint,
  doubleValue: celKinds.double,
  stringValue: celKinds.string,
  bytesValue: celKinds.bytes,
  nullValue: celKinds.null,
};

function identifier(id: bigint, name: string, scope: Scope): CelKind {
  const kind = Object.hasOwn(scope, name) ? scope[name] : undefined;
  if (kind !== undefined) return kind;
  if (typeNames.has(name)) return celKinds.type;
  const known = Object.keys(scope).filter((key) => !key.startsWith('@'));
  const near = nearestWord(name, known);
  throw new CelTypeError(id, `there is no ${name}${near === undefined ? '' : `; did you mean ${near}?`}; there are: ${known.join(', ')}`);
}

function member(id: bigint, operand: CelKind, { field, testOnly }: { readonly field: string; readonly testOnly: boolean }): CelKind {
  if (!fits(operand, 'map')) throw new CelTypeError(id, `${article(operand)} has no members, and so no ${field}`);
  if (operand.fields === undefined) return testOnly ? bool : dyn;
  const kind = Object.hasOwn(operand.fields, field) ? operand.fields[field] : undefined;
  if (kind !== undefined) return testOnly ? bool : kind;
  const known = Object.keys(operand.fields);
  const near = nearestWord(field, known);
  throw new CelTypeError(id, `there is no ${field} in it${near === undefined ? '' : `; did you mean ${near}?`}; there are: ${known.join(', ')}`);
}

function indexed(id: bigint, operand: CelKind, index: CelKind, key: CelExpr | undefined): CelKind {
  if (operand.name === 'list') {
    if (!numbers.has(index.name) && index.name !== 'dyn') throw new CelTypeError(id, `a list has numbers as index, and not ${article(index)}`);
    return operand.element ?? dyn;
  }
  if (operand.fields === undefined) {
    if (fits(operand, 'map')) return dyn;
    throw new CelTypeError(id, `${article(operand)} cannot be indexed`);
  }
  const constant = key?.exprKind.case === 'constExpr' ? key.exprKind.value.constantKind : undefined;
  return constant?.case === 'stringValue' ? member(id, operand, { field: constant.value, testOnly: false }) : dyn;
}

function fits(kind: CelKind, wanted: string): boolean {
  return kind.name === 'dyn' || wanted === 'dyn' || kind.name === wanted;
}

function comparable(a: CelKind, b: CelKind): boolean {
  if (a.name === 'dyn' || b.name === 'dyn' || a.name === b.name) return true;
  return numbers.has(a.name) && numbers.has(b.name);
}

function common(kinds: readonly CelKind[]): CelKind {
  const [first, ...rest] = kinds;
  return first !== undefined && rest.every((kind) => kind.name === first.name) ? first : dyn;
}

function kindNamed(name: string): CelKind {
  return name === 'list' ? listOf(dyn) : (Object.values(celKinds).find((kind) => kind.name === name) ?? dyn);
}

function noTruth(expr: CelExpr, kind: CelKind): CelTypeError {
  return new CelTypeError(expr.id, `is ${article(kind)}, and must be true or false here`);
}

function article(kind: CelKind): string {
  const name = kind.name.replace('google.protobuf.', '').toLowerCase().replace('null_type', 'null').replace('dyn', 'value');
  return `${/^[aiu]/.test(name) && name !== 'uint' ? 'an' : 'a'} ${name}`;
}

/** Operators are named `_+_` by the evaluator. */
function spoken(name: string): string {
  return name.replaceAll('_', '').replace('@', '') || name;
}
