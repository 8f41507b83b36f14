import { expect, test } from 'vitest';
import { compileProjection } from '../../src/policy/compile.ts';
import { conditionLanguage } from '../../src/policy/condition.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { soloProjectionFrom } from '../../src/policy/solo.ts';
import { HEAD, someone } from './support.ts';

const yaml = `${HEAD}
connections:
  intake: { kind: http, upstream: "https://mcp.example.com", paths: ["/v1/mcp"], record: full }
  tools: { kind: mcp, upstream: "https://mcp.example.com/v1/mcp", record: metadata }
access:
  - { groups: [sre], connections: [tools], tools: ["search_*", "delete_*"] }
  - { groups: [web], tools: ["get_*"] }
rules:
  - { id: no-delete, deny: true, groups: [web], tools: ["delete_*"] }
mask: { detectors: [] }
`;

test('a file’s policy for a URL: of the connection that leads there, with the entries and rules of every group', () => {
  const { config } = parseConfig(yaml, { file: 'gateway.yaml' });
  const projection = soloProjectionFrom(config, new URL('https://mcp.example.com/v1/mcp?toolsets=core'));
  expect(projection.connection).toMatchObject({ name: 'tools', kind: 'mcp', record: 'metadata' });
  expect(projection.mask.detectors).toEqual([]);
  const policy = compileProjection(projection, someone([]), { conditions: conditionLanguage });
  const decide = (tool: string) => policy.decide({ method: 'tools/call', tool, oneWay: false });
  expect(decide('search_logs')).toEqual({ effect: 'allow' });
  expect(decide('get_metric')).toEqual({ effect: 'allow' });
  expect(decide('delete_monitor')).toMatchObject({ effect: 'deny', rule: 'no-delete' });
  expect(decide('mute_monitor')).toMatchObject({ effect: 'deny', rule: 'access' });
});

test('a URL that no connection of the file leads to is refused, not let through', () => {
  const { config } = parseConfig(yaml, { file: 'gateway.yaml' });
  expect(() => soloProjectionFrom(config, new URL('https://mcp.example.com/other'))).toThrow(
    /no connection whose upstream is https:\/\/mcp.example.com\/other/,
  );
});
