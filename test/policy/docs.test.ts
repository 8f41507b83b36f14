import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { overrides } from '../../src/policy/overrides.ts';
import { checkConfig } from '../../src/policy/parse.ts';
import { configJsonSchema } from '../../src/policy/schema.ts';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly oneOf?: readonly Node[];
  readonly default?: unknown;
}

function nodes(node: Node): readonly Node[] {
  const below = [...Object.values(node.properties ?? {}), ...(node.oneOf ?? []), node.items, node.additionalProperties];
  return [node, ...below.flatMap((child) => (typeof child === 'object' ? nodes(child) : []))];
}

const all = nodes(configJsonSchema() as Node);

test('every key of the schema is on the page', () => {
  const keys = new Set(all.flatMap((node) => Object.keys(node.properties ?? {})));
  expect(keys.size).toBeGreaterThan(40);
  expect([...keys].filter((key) => !page.includes(`\`${key}\``) && !page.includes(`\`${key}:`))).toEqual([]);
});

test('every default that is a word or a list is on the page', () => {
  const defaults = all.flatMap((node) => Object.values(node.properties ?? {})).flatMap((node) => (node.default === undefined ? [] : [node.default]));
  const shown = defaults.map((value) => (typeof value === 'string' ? value : JSON.stringify(value).replaceAll('"', '').replaceAll(',', ', ')));
  expect(shown.length).toBeGreaterThan(10);
  expect(shown.filter((text) => text !== '{detectors}' && !page.includes(`\`${text}\``))).toEqual([]);
});

test('every environment variable is on the page, with the key that it replaces', () => {
  const missing = Object.entries(overrides).filter(([variable, path]) => !page.includes(`| \`${variable}\` | \`${path.join('.')}\` |`));
  expect(missing).toEqual([]);
});

test('the example is right, and without a warning', () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const { problems, warnings, config } = checkConfig(example, { file: 'gateway.yaml' });
  expect(problems).toEqual([]);
  expect(warnings).toEqual([]);
  expect(Object.keys(config?.connections ?? {})).toEqual(['datadog', 'datadog-intake']);
});
