import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/base/json.ts';
import { readCondition } from '../../src/policy/condition.ts';
import { checkConfig, problemLine } from '../../src/policy/parse.ts';
import { sessionVariables } from '../../src/policy/session-variables.ts';
import { DATADOG, HEAD, OPEN, someone } from './support.ts';

function holds(text: string, args = '{}'): unknown {
  const read = readCondition(text);
  if (read.kind === 'fault') return `fault: ${read.finding.message}`;
  const node = parseJson(args);
  if (node.type === 'fault') throw new Error(node.reason);
  const context = someone(['sre', 'oncall']);
  const variables = sessionVariables(context, { name: 'datadog', kind: 'mcp' });
  const outcome = read.condition.holds({ ...variables, nowMs: context.nowMs(), call: { method: 'tools/call', tool: 'x', args: node, oneWay: false } });
  return typeof outcome === 'boolean' ? outcome : outcome.fault;
}

describe('numbers are as written', () => {
  test.each([
    ['args.n == 9007199254740993', '{"n":9007199254740993}', true],
    ['args.n == 9007199254740993', '{"n":9007199254740992}', false],
    ['args.n == 123456789012345678901234567890', '{"n":123456789012345678901234567890}', true],
    ['args.n > 5', '{"n":123456789012345678901234567890}', true],
    ['args.n == 1', '{"n":1.0}', true],
    ['args.n == 1000', '{"n":1e3}', true],
    ['args.n < 0.5', '{"n":0.25}', true],
    ['args.n == "1"', '{"n":1}', false],
  ])('%s of %s', (text, args, outcome) => expect(holds(text, args)).toBe(outcome));
});

describe('what cannot be evaluated is no answer', () => {
  test.each([
    ['args.x == 1', '{}', 'field not found: x'],
    ['args.x.matches("a")', '{"x":1}', /overload/],
    ['args.x', '{"x":1}', 'it is neither true nor false'],
    ['has(args.x)', '{"y":{"a":1,"A":2}}', 'a key of the arguments stands twice, or twice but for its case'],
    ['has(args.scope)', '{"Scope":"env:prod"}', 'the argument scope is written in another case'],
    ['"scope" in args', '{"SCOPE":"env:prod"}', 'the argument scope is written in another case'],
    ['args["scope"] == "x"', '{"scope":"x"}', true],
    ['has(args.x) && args.x == 1', '[1]', 'has() looks for a member of what is no object'],
  ] as const)('%s of %s', (text, args, outcome) => {
    if (outcome instanceof RegExp) expect(holds(text, args)).toMatch(outcome);
    else expect(holds(text, args)).toBe(outcome);
  });
});

describe('has() tells what is missing from what is something else', () => {
  test.each<[string, boolean | string]>([
    ['{"o":{"all":true}}', true],
    ['{"o":{}}', false],
    ['{"o":{"all":null}}', false],
    ['{}', 'field not found: o'],
    ...['"{\\"all\\":true}"', '["all"]', 'null', '5'].map((o): [string, string] => [`{"o":${o}}`, 'has() looks for a member of what is no object']),
  ])('%s', (args, outcome) => expect(holds('has(args.o.all)', args)).toBe(outcome));
});

describe('no call makes a condition take long', () => {
  const many = (count: number, item: string) => `{"l":[${Array.from({ length: count }, () => item).join(',')}]}`;
  test.each([
    ['args.l.all(x, x > 0)', 1_000, '1', true],
    ['args.l.all(x, x.m.all(y, y > 0))', 500, '{"m":[1,2]}', true],
    ['args.l.all(x, args.l.all(y, x == y))', 2_000, '1', 'the call is too large for it'],
    ['args.l.map(x, x).size() > 0', 20_000, '1', 'the call is too large for it'],
    ['args.l.all(x, x.matches("^a*$"))', 1_000, '"aaaa"', true],
    ['args.l.all(x, args.l.exists(y, y.contains(x)))', 2_000, '"abcd"', 'the call is too large for it'],
  ])('%s over %i', (text, count, item, outcome) => expect(holds(text, many(count, item))).toBe(outcome));
});

test('what is there beside the arguments', () => {
  expect(holds('identity.groups.exists(g, g == "oncall") && connection.name == "datadog" && call.tool == "x" && call.metrics.size() == 0')).toBe(true);
  expect(holds('now.getHours("Europe/Berlin") == 13 && now.getDayOfWeek() == 2 && now - session.opened < duration("1s")')).toBe(true);
});

describe('a wrong condition is refused when the file is read', () => {
  const problems = (when: string) =>
    checkConfig(`${HEAD}${DATADOG}${OPEN}rules:\n  - { id: a, deny: true, when: ${when} }\n`, { file: 'g.yaml' }).problems.map(problemLine);
  test.each([
    [`'call.tol == "x"'`, 'g.yaml:9:37: rules[0].when: there is no tol in it; did you mean tool?'],
    [`'call.tool == 5'`, 'g.yaml:9:43: rules[0].when: compares a string with an int, which are never equal'],
    [`'foo.bar'`, 'g.yaml:9:33: rules[0].when: there is no foo; there are: call, args, identity, session, connection, now'],
    [`'call.tool.startWith("x")'`, 'g.yaml:9:42: rules[0].when: there is no function startWith; did you mean startsWith?'],
    [`'call.tool + 5 == "x"'`, 'g.yaml:9:43: rules[0].when: + does not take a string and an int'],
    [`'size(call.tool)'`, 'g.yaml:9:33: rules[0].when: is an int, and a condition must be true or false'],
    [`'call.tool && true'`, 'g.yaml:9:37: rules[0].when: is a string, and must be true or false here'],
    [`'call.tool.all(x, true)'`, 'g.yaml:9:37: rules[0].when: is a string, and not a list or a map'],
    [`'"a" in [1]'`, 'g.yaml:9:36: rules[0].when: looks for a string in a list of int'],
    [`'1 +'`, 'g.yaml:9:35: rules[0].when: is not an expression of CEL'],
    [`"call.tool.matches(\\"(a\\")"`, 'g.yaml:9:51: rules[0].when: is no RE2 pattern, which has no look-around and no back-references: missing closing ) ((a)'],
    [`'call.tool.matches("(?=a)")'`, 'rules[0].when: is no RE2 pattern'],
    [`'call.tool.matches("((a{1,1000}){1,1000})")'`, 'rules[0].when: is no RE2 pattern'],
    [`'has(args.p) && call.tool.matches(args.p)'`, 'the pattern of matches must be written out, in quotes'],
  ])('%s', (when, expected) => {
    const [first, ...rest] = problems(when);
    expect(first).toContain(expected);
    expect(rest).toEqual([]);
  });

  test('in a block, at its own line and column', () => {
    const text = `${HEAD}${DATADOG}${OPEN}rules:\n  - id: a\n    deny: true\n    when: |\n      call.tool == "x" &&\n        call.tol == "y"\n`;
    expect(checkConfig(text, { file: 'g' }).problems.map(problemLine)[0]).toMatch(/^g:13:13: /);
  });

  test.each([
    ['args.x == 1', ['args.x']],
    ['has(args.x) && args.x == 1', []],
    ['args.x == 1 && has(args.x)', []],
    ['!has(args.x) || args.x == 1', []],
    ['"x" in args && args.x > 3 && (has(args.y) ? args.y == 2 : true)', []],
    ['has(args.a.b) && args.a.b == 1', ['args.a']],
    ['has(args.a) && has(args.a.b) && args.a.b == 1', []],
    ['has(args.x) || args.x == 1', ['args.x']],
    ['has(args.l) && args.l.all(i, i.name == "a")', ['i.name']],
  ])('%s reads unguarded %j', (when, unguarded) => {
    const yaml = `${HEAD}${DATADOG}${OPEN}rules:\n  - { id: a, deny: true, when: '${when}' }\n`;
    const { warnings } = checkConfig(yaml, { file: 'g.yaml' });
    expect(warnings.map(({ message }) => /when: (\S+) may be missing/.exec(message)?.[1])).toEqual(unguarded);
  });
});
