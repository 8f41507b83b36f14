// Patterns of `mask.patterns`: what is wrong with one is said with its place in the file.
import { expect, test } from 'vitest';
import { checkConfig, problemLine } from '../../src/policy/parse.ts';

const file = (pattern: string): string => `data: sqlite:gw.db
keys: file:keys
identity: { issuer: https://login.example.com, audience: mcprec }
connections:
  dd: { kind: mcp, upstream: https://mcp.example.com/mcp, record: full }
access: [{ connections: [dd] }]
mask:
  patterns:
    - ${pattern}
`;

function problems(pattern: string): readonly string[] {
  return checkConfig(file(pattern), { file: 'g.yaml', env: {} }).problems.map(problemLine);
}

test.each([
  ['{ name: a, pattern: "a(?=b)" }', /^g\.yaml:9:27: .*is no RE2 pattern, .*: .*\(\?=/],
  ['{ name: a, pattern: "(a)\\\\1" }', /^g\.yaml:9:27: .*is no RE2 pattern/],
  ['{ name: a, pattern: "x*" }', /^g\.yaml:9:27: .*matches where there is nothing/],
  ['{ name: a, pattern: "((a{100}){100}){9}" }', /^g\.yaml:9:27: /],
  ['{ name: A, pattern: "x" }', /^g\.yaml:9:15: .*small letters/],
  ['{ name: a, pattern: x, keywords: [] }', /keywords.*is empty/],
])('%s', (pattern, problem) => {
  const found = problems(pattern);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(problem);
});

test('one that RE2 takes is no problem', () => {
  expect(problems('{ name: employee-id, pattern: "EMP-[0-9]{6}", keywords: [emp] }')).toEqual([]);
});
