// Calls that name nothing that could be read: refused where a name decides, the upstream's business where none does.
import { expect, test } from 'vitest';
import { compilePolicy } from '../../src/policy/compile-config.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { DATADOG, HEAD, someone } from './support.ts';

const decide = (rules: string, access: string, method: string) => {
  const { config } = parseConfig(`${HEAD}${DATADOG}access:\n  - ${access}\n${rules}`, { file: 'gateway.yaml' });
  return compilePolicy(config, someone(['sre']), 'datadog').decide({ method, oneWay: false }).effect;
};
const open = '{ groups: [sre] }';

test.each(['resources/subscribe', 'completion/complete', 'subscriptions/listen'])('%s', (method) => {
  expect(decide('', open, method)).toBe('allow');
  expect(decide('rules:\n  - { id: r, deny: true, tools: ["delete_*"] }\n', open, method)).toBe('allow');
  expect(decide('rules:\n  - { id: r, deny: true, resources: ["*secret*"] }\n', open, method)).toBe('deny');
  expect(decide('rules:\n  - { id: r, deny: true, prompts: ["*secret*"] }\n', open, method)).toBe('deny');
  expect(decide(`rules:\n  - { id: r, deny: true, methods: ["${method}"] }\n`, open, method)).toBe('deny');
  expect(decide('', '{ groups: [sre], tools: ["get_*"] }', method)).toBe('deny');
});
