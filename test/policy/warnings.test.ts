import { describe, expect, test } from 'vitest';
import { checkConfig, problemLine } from '../../src/policy/parse.ts';
import { DATADOG, HEAD, OPEN } from './support.ts';

function warnings(text: string): readonly string[] {
  const { config, problems: found, warnings: list } = checkConfig(text, { file: 'gateway.yaml' });
  expect(found).toEqual([]);
  expect(config).toBeDefined();
  return list.map(problemLine);
}

describe('what is allowed and most likely not meant is a warning', () => {
  test('nothing is said of a plain configuration', () => {
    expect(warnings(`${HEAD}${DATADOG}${OPEN}`)).toEqual([]);
  });

  const cases: readonly (readonly [string, string, string])[] = [
    [
      'recording off',
      `connections:\n  a: { kind: mcp, upstream: "https://a" }\n${OPEN}`,
      'gateway.yaml:5:3: record is off: nothing that is done on a is recorded',
    ],
    ['a connection for nobody', DATADOG, 'gateway.yaml:5:3: no access entry gives datadog to anyone'],
    [
      'a credential over plain http',
      `connections:\n  a: { kind: mcp, record: full, upstream: "http://mcp.internal/", credential: { headers: { X-Key: "env:K" } } }\n${OPEN}`,
      'gateway.yaml:5:3: the credential is sent to http://mcp.internal/ over plain http',
    ],
    [
      'a gateway reached over plain http',
      `public_url: http://mcprec.internal:7470\n${DATADOG}${OPEN}`,
      'gateway.yaml:4:13: plain http: grants and recordings cross the network unencrypted; put TLS in front and name the https:// address',
    ],
    [
      'namespaces where no name can be read',
      `connections:\n  a: { kind: http, upstream: "https://a", paths: ["/*"], record: full }\naccess:\n  - { groups: [sre], metrics: ["checkout.*"] }\n`,
      'gateway.yaml:7:22: metric names cannot be read on a, so access[0] gives nothing there',
    ],
    [
      'a rule for a group without access',
      `${DATADOG}${OPEN}rules:\n  - { id: r, deny: true, groups: [sales] }\n`,
      'gateway.yaml:9:7: rule r can never match: no access entry gives anything to sales',
    ],
    [
      'a rule about tools where there are none',
      `connections:\n  a: { kind: datadog-intake, upstream: "https://a", record: full }\n${OPEN}rules:\n  - { id: r, deny: true, tools: [x] }\n`,
      'gateway.yaml:9:7: rule r can never match: tools, resources and prompts are on mcp connections only',
    ],
    [
      'a method without its verb',
      `connections:\n  a: { kind: datadog-intake, upstream: "https://a", record: full }\n${OPEN}rules:\n  - { id: r, deny: true, methods: [/api/v1/events] }\n`,
      'gateway.yaml:9:7: rule r can never match: the method /api/v1/events has no verb; write "POST /api/v1/events"',
    ],
    [
      'a rule behind one that says the same',
      `${DATADOG}${OPEN}rules:\n  - { id: wide, deny: true, tools: ["del*"] }\n  - { id: narrow, deny: true, tools: ["delete_*", del], groups: [sre] }\n`,
      'gateway.yaml:10:7: rule narrow can never match: wide stands before it and denies all that it does',
    ],
  ];
  test.each(cases)('%s', (_, text, expected) => {
    expect(warnings(HEAD + text)).toEqual([expected]);
  });

  test('a rule that names methods is not covered by one that leaves alone what comes with the connection', () => {
    expect(
      warnings(
        `${HEAD}${DATADOG}${OPEN}rules:\n  - { id: all, deny: true, groups: [sre] }\n  - { id: lists, deny: true, groups: [sre], methods: ["tools/list"] }\n`,
      ),
    ).toEqual([]);
  });
});
