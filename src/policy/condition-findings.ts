// What is wrong with the conditions of a gateway.yaml, or doubtful in them. Works on the raw value, so that these problems
// are reported together with those of the schema.
import { type ConditionFinding, readCondition } from './condition.ts';
import { type Finding, named } from './phrase.ts';
import type { Path } from './position.ts';

export interface ConditionFindings {
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** Syntax, types and patterns are problems; members of `args` that are read unguarded are warnings. */
export function conditionFindings(raw: unknown): ConditionFindings {
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  for (const { path, text } of conditionsIn(raw)) {
    const read = readCondition(text);
    const finding = ({ offset, message }: ConditionFinding): Finding => ({ path, atKey: false, offset, message: `${named(path)}: ${message}` });
    if (read.kind === 'fault') problems.push(finding(read.finding));
    else warnings.push(...read.condition.warnings.map(finding));
  }
  return { problems, warnings };
}

interface Placed {
  readonly path: Path;
  readonly text: string;
}

function conditionsIn(raw: unknown): readonly Placed[] {
  const rules = member(raw, 'rules');
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((rule: unknown, i) => {
    const except = member(rule, 'except');
    const exempt = Array.isArray(except)
      ? except.map((scope: unknown, j) => [['rules', i, 'except', j], scope] as const)
      : [[['rules', i, 'except'], except] as const];
    return [[['rules', i], rule] as const, ...exempt].flatMap(([path, scope]): Placed[] => {
      const text = member(scope, 'when');
      return typeof text === 'string' && text !== '' ? [{ path: [...path, 'when'], text }] : [];
    });
  });
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
