// A condition of a rule (`when:`): parsed, checked and bounded once, evaluated for each call that the rule's lists let through.
import { type CelEnv, type CelInput, celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { foldCase } from '../base/fold-case.ts';
import { limits } from '../base/limits.ts';
import { compileRe2, isRe2, type Re2 } from '../base/re2.ts';
import type { Call } from './call.ts';
import { type CelExpr, CelTypeError, checkCel } from './cel-check.ts';
import { type CallSize, stepsOf } from './cel-cost.ts';
import { unguardedIn } from './cel-guard.ts';
import { hasFunction, putHasFunction } from './cel-has.ts';
import { everyExpr, stringLiteral } from './cel-tree.ts';
import { ConditionFault, celCall, celTime, celValueOf } from './cel-values.ts';
import { type SessionVariables, sessionVariables } from './session-variables.ts';

/** What is wrong with the text of a condition, or doubtful in it. `offset` counts UTF-16 units of the text. */
export interface ConditionFinding {
  readonly offset: number;
  readonly message: string;
}

export type Outcome = boolean | { readonly fault: string };

export interface Condition {
  /** Members of `args` that are read although they may be missing. */
  readonly warnings: readonly ConditionFinding[];
  /** Whether the condition holds; a fault where it cannot be told, which is to deny. */
  holds(moment: ConditionMoment): Outcome;
}

export interface ConditionMoment extends SessionVariables {
  readonly call: Call;
  readonly nowMs: number;
}

export type ConditionRead = { readonly kind: 'condition'; readonly condition: Condition } | { readonly kind: 'fault'; readonly finding: ConditionFinding };

/** Reads a condition. Source: CEL language definition, with the evaluator of @bufbuild/cel and its standard functions. */
export function readCondition(text: string): ConditionRead {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(text);
  } catch (error) {
    return { kind: 'fault', finding: syntaxFault(error) };
  }
  const { expr } = parsed;
  const offsetOf = (id: bigint): number => parsed.sourceInfo?.positions[String(id)] ?? 0;
  const patterns = new Map<string, Re2>();
  try {
    readPatterns(expr, patterns);
    const env = environment(patterns);
    checkCel(env, expr);
    const warnings = unguardedIn(expr).map(({ exprId, path }) => ({
      offset: offsetOf(exprId),
      message: `${path} may be missing, and what cannot be evaluated is denied; guard it with has(${path})`,
    }));
    return { kind: 'condition', condition: { warnings, holds: evaluator(env, parsed) } };
  } catch (error) {
    if (!(error instanceof CelTypeError)) throw error;
    return { kind: 'fault', finding: { offset: offsetOf(error.exprId), message: error.message } };
  }
}

/** The language of conditions, for who is given it instead of importing it: it takes ten megabytes, and most laptops never meet a condition. */
export interface ConditionLanguage {
  readonly read: (text: string) => ConditionRead;
  readonly variables: typeof sessionVariables;
}

export const conditionLanguage: ConditionLanguage = { read: readCondition, variables: sessionVariables };

// Patterns must be literals: one that a caller brings could be made to cost memory, and a wrong one would show itself only then.
function readPatterns(expr: CelExpr, patterns: Map<string, Re2>): void {
  for (const { id, exprKind } of everyExpr(expr)) {
    if (exprKind.case !== 'callExpr' || exprKind.value.function !== 'matches') continue;
    const argument = exprKind.value.args.at(-1);
    const pattern = stringLiteral(argument);
    if (pattern === undefined) throw new CelTypeError(argument?.id ?? id, 'the pattern of matches must be written out, in quotes');
    const compiled = compileRe2(pattern);
    if (!isRe2(compiled)) throw new CelTypeError(argument?.id ?? id, compiled.reason);
    if (compiled.programSize() > limits.patternProgramMax) throw new CelTypeError(argument?.id ?? id, 'is too large when its repetitions are written out');
    patterns.set(pattern, compiled);
  }
}

function environment(patterns: ReadonlyMap<string, Re2>): CelEnv {
  return celEnv({
    funcs: [hasFunction],
    re2: {
      compile(pattern) {
        const compiled = patterns.get(pattern);
        if (compiled === undefined) throw new Error('the pattern was not written out');
        return { test: (subject) => compiled.test(subject) };
      },
    },
  });
}

/** Calls up to this size need no estimate where the condition is quick on them. */
const SMALL: CallSize = { values: 64, characters: 4096 };

function evaluator(env: CelEnv, parsed: ReturnType<typeof parse>): Condition['holds'] {
  const { expr } = parsed;
  const names = namesIn(expr);
  const reads = new Set([...everyExpr(expr)].map(({ exprKind }) => (exprKind.case === 'identExpr' ? exprKind.value.name : '')));
  const isQuick = stepsOf(expr, SMALL) <= limits.conditionStepsMax;
  // Last: what comes before looks at the condition as it was written.
  putHasFunction(expr);
  const evaluate = plan(env, parsed);
  return (moment) => {
    const { call } = moment;
    const size = sizeOutsideOfArgs(call);
    try {
      const given = reads.has('args') ? call.args : undefined;
      const args: CelInput = given === undefined ? {} : celValueOf(given, names, size);
      if (given !== undefined) size.characters += given.end - given.start;
      const isSmall = size.values <= SMALL.values && size.characters <= SMALL.characters;
      if (!(isSmall && isQuick) && stepsOf(expr, size) > limits.conditionStepsMax) return { fault: 'the call is too large for it' };
      const { identity, session, connection } = moment;
      const bound = { args, identity, session, connection, call: reads.has('call') ? celCall(call) : {}, now: reads.has('now') ? celTime(moment.nowMs) : 0n };
      const result = evaluate(bound);
      if (typeof result === 'boolean') return result;
      return { fault: isCelError(result) ? result.message : 'it is neither true nor false' };
    } catch (error) {
      if (error instanceof ConditionFault) return { fault: error.message };
      return { fault: error instanceof Error ? error.message : String(error) };
    }
  };
}

function sizeOutsideOfArgs(call: Call): { -readonly [K in keyof CallSize]: CallSize[K] } {
  const names = [call.metrics, call.checks, call.events];
  const values = names.reduce((sum, list) => sum + (list?.length ?? 0), 1);
  return { values, characters: names.reduce((sum, list) => sum + (list?.reduce((length, name) => length + name.length, 0) ?? 0), 0) + call.method.length };
}

/** The names of members that the condition reads, by their folded case. */
function namesIn(expr: CelExpr): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { exprKind } of everyExpr(expr)) {
    const name = exprKind.case === 'selectExpr' ? exprKind.value.field : undefined;
    if (name !== undefined) names.set(foldCase(name), name);
    if (exprKind.case === 'callExpr' && (exprKind.value.function === '_[_]' || exprKind.value.function === '@in')) {
      const key = stringLiteral(exprKind.value.args[exprKind.value.function === '@in' ? 0 : 1]);
      if (key !== undefined) names.set(foldCase(key), key);
    }
  }
  return names;
}

interface Located {
  readonly location?: { readonly start?: { readonly offset?: number } };
}

function syntaxFault(error: unknown): ConditionFinding {
  const message = error instanceof Error ? error.message.replace(/^<input>:\d+:\d+: /, '') : String(error);
  return { offset: (error as Located).location?.start?.offset ?? 0, message: `is not an expression of CEL: ${message}` };
}
