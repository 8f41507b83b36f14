import { expect, test } from 'vitest';
import { explainDecision } from '../../src/policy/explain.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { HEAD, someone } from './support.ts';

const { config } = parseConfig(
  `${HEAD}connections:
  datadog: { kind: mcp, upstream: "https://a" }
  other: { kind: mcp, upstream: "https://b" }
access:
  - { groups: [sre], connections: [datadog], tools: ["get_*"] }
  - { groups: [sre], connections: [datadog], tools: ["delete_*"] }
  - { groups: [dev], connections: [datadog] }
  - { groups: [sre], connections: [other] }
rules:
  - { id: no-delete, deny: true, tools: ["delete_*"] }
  - { id: no-dev, deny: true, groups: [dev] }
  - { id: no-other, deny: true, connections: [other] }
  - { id: no-monitor, deny: true, tools: ["*_monitor"] }
  - { id: no-get, deny: true, tools: ["get_*"] }
`,
  { file: 'gateway.yaml' },
);

test('every entry and rule says what it has to do with the call', () => {
  const explained = explainDecision(config, someone(['sre']), 'datadog', { method: 'tools/call', tool: 'delete_monitor', oneWay: false });
  expect(explained).toEqual({
    decision: { effect: 'deny', rule: 'no-delete', reason: 'denied by rule no-delete', hidden: false },
    access: [
      { name: 'access[0]', verdict: 'grants not', reason: 'access to tool "delete_monitor" is not granted' },
      { name: 'access[1]', verdict: 'grants' },
      { name: 'access[2]', verdict: 'not for these groups' },
      { name: 'access[3]', verdict: 'not for this connection' },
    ],
    rules: [
      { name: 'no-delete', verdict: 'denies' },
      { name: 'no-dev', verdict: 'not for these groups' },
      { name: 'no-other', verdict: 'not for this connection' },
      { name: 'no-monitor', verdict: 'denies' },
      { name: 'no-get', verdict: 'does not match' },
    ],
  });
});

test('a rule is explained even where access already refuses', () => {
  const explained = explainDecision(config, someone([]), 'datadog', { method: 'tools/call', tool: 'delete_monitor', oneWay: false });
  expect(explained.decision).toMatchObject({ rule: 'access', hidden: true });
  expect(explained.rules.map((step) => step.verdict)).toEqual(['denies', 'not for these groups', 'not for this connection', 'denies', 'does not match']);
});
