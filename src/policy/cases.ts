// Cases of a policy: calls with the outcome that their author expects. The file's form, and whether an outcome is the expected one.
import { z } from 'zod';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Decision } from './call.ts';
import { line } from './fields.ts';
import { defaultMessage, findingsOf, named } from './phrase.ts';
import { YamlText } from './position.ts';

const outcomes = ['allow', 'deny', 'hold', 'hidden'] as const;

const value = z.union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())]);

const policyCase = z.strictObject({
  name: line(300).describe('What the case is about.'),
  as: line(300).exactOptional().describe('The e-mail address or subject of the caller.'),
  groups: z.array(line(300)).default([]).describe('The groups of the caller.'),
  connection: line(100),
  tool: line(1000).exactOptional(),
  resource: line(4000).exactOptional(),
  prompt: line(1000).exactOptional(),
  method: line(1000).exactOptional(),
  args: value.exactOptional().describe('The arguments, as YAML or as the text of their JSON.'),
  body: value.exactOptional().describe('The body of an intake call, in the same way.'),
  reason: line(500).exactOptional().describe('What was given as --reason when the session was opened.'),
  at: z.iso.datetime({ offset: true, message: 'must be a time such as 2026-11-24T09:00:00Z' }).exactOptional().describe('When; now where left out.'),
  expect: z.enum(outcomes),
  rule: line(200).exactOptional().describe('The rule that must have decided.'),
  message: line(500).exactOptional().describe('What the reason must contain.'),
  masks: z.array(line(200)).exactOptional().describe('The mask rules that must apply, and no others.'),
});

const casesFile = z.strictObject({
  policy: line(1000).default('gateway.yaml').describe('The configuration that the cases are about; a relative path counts from this file.'),
  cases: z.array(policyCase).min(1, 'is empty').max(limits.policyCasesMax),
});

export type PolicyCase = z.output<typeof policyCase>;

export interface PolicyCases {
  readonly policy: string;
  readonly cases: readonly { readonly case: PolicyCase; readonly line: number }[];
}

/** The cases in the text of a file. Throws `config_invalid`, naming every problem with line and column. */
export function parseCases(text: string, file: string): PolicyCases {
  const failed = (problems: readonly string[]): McprecError => new McprecError('config_invalid', problems.join('\n'));
  const yaml = new YamlText(text, { exactIntegers: true });
  const faults = yaml.faults();
  if (faults.length > 0) throw failed(faults.map((fault) => `${file}:${fault.line}:${fault.column}: ${fault.message}`));
  const raw = yaml.value();
  const parsed = casesFile.safeParse(raw, { error: defaultMessage });
  if (!parsed.success) {
    throw failed(
      findingsOf(parsed.error, raw, z.toJSONSchema(casesFile, { io: 'input' })).map((finding) => {
        const place = finding.atKey ? yaml.placeOfKey(finding.path) : yaml.placeOf(finding.path);
        return `${file}:${place.line}:${place.column}: ${finding.message}`;
      }),
    );
  }
  const cases = parsed.data.cases.map((one, i) => {
    const asked = [one.tool, one.resource, one.prompt, one.method].filter((name) => name !== undefined).length;
    const { line: at, column } = yaml.placeOf(['cases', i]);
    if (asked !== 1) throw failed([`${file}:${at}:${column}: ${named(['cases', i])}: must name one of tool, resource, prompt and method`]);
    return { case: one, line: at };
  });
  return { policy: parsed.data.policy, cases };
}

/** JSON text of a value that stands in a case, whole numbers as written. */
export function jsonOf(given: PolicyCase['args']): string | undefined {
  return given === undefined || typeof given === 'string' ? given : stringify(given);
}

/** What is not as the case expects, in words; empty where all is. */
export function differences({ expect, rule, message, masks }: PolicyCase, decision: Decision): readonly string[] {
  const got = decision.effect === 'deny' && decision.hidden ? 'hidden' : decision.effect;
  // What is hidden is denied as well.
  const differs = got !== expect && !(expect === 'deny' && got === 'hidden');
  const gotRule = decision.effect === 'allow' ? undefined : decision.rule;
  const reason = decision.effect === 'allow' ? '' : decision.reason;
  const gotMasks = decision.effect === 'deny' ? [] : (decision.masks ?? []).map((mask) => mask.rule);
  return [
    ...(differs ? [`expected ${expect}, and it is ${got}${gotRule === undefined ? '' : ` by ${gotRule}: ${reason}`}`] : []),
    ...(rule !== undefined && rule !== gotRule ? [`expected rule ${rule}, and it is ${gotRule ?? 'none'}`] : []),
    ...(message !== undefined && !reason.includes(message)
      ? [`expected the reason to contain ${JSON.stringify(message)}, and it is ${JSON.stringify(reason)}`]
      : []),
    ...(masks !== undefined && masks.toSorted().join() !== gotMasks.toSorted().join()
      ? [`expected masks by ${masks.join(', ') || 'none'}, and it is ${gotMasks.join(', ') || 'none'}`]
      : []),
  ];
}

function stringify(item: unknown): string {
  if (typeof item === 'bigint') return String(item);
  if (Array.isArray(item)) return `[${item.map(stringify).join(',')}]`;
  if (typeof item !== 'object' || item === null) return JSON.stringify(item) ?? 'null';
  return `{${Object.entries(item)
    .map(([key, below]) => `${JSON.stringify(key)}:${stringify(below)}`)
    .join(',')}}`;
}
