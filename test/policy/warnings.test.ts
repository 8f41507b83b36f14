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

describe('rules that never match, or contradict each other', () => {
  const of = (access: string, ...rules: readonly string[]) =>
    warnings(`${HEAD}${DATADOG}access: [${access}]\nrules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`).map((line) => line.replace(/^\S+ /, ''));

  test.each([
    [
      'tools that access gives nobody',
      ['{ id: r, deny: true, tools: ["delete_*"] }'],
      'rule r can never match: access gives the groups it names none of these tools',
    ],
    [
      'paths where there are none',
      ['{ id: r, deny: true, paths: ["/api/*"] }'],
      'rule r can never match: paths are on datadog-intake and http connections only',
    ],
    [
      'names in tools that carry none',
      ['{ id: r, deny: true, tools: [get_host], metrics: ["a.*"] }'],
      'rule r is about all calls of get_host for which no query_arguments say where metrics are named; declare them, or list those that name none in unscoped_tools',
    ],
    [
      'names in tools of which some could carry none',
      ['{ id: r, deny: true, tools: ["get_*"], metrics: ["a.*"] }'],
      'rule r is about all calls of get_* for which no query_arguments say where metrics are named; declare them, or list those that name none in unscoped_tools',
    ],
    [
      'names, and no tools',
      ['{ id: r, deny: true, metrics: ["a.*"] }'],
      'rule r is not about tools without query_arguments, whatever they ask for on datadog; name the tools that it is to stop, or its connections',
    ],
    [
      'an exemption of everything',
      ['{ id: r, deny: true, tools: ["get_x"], except: { tools: ["get_*"] } }'],
      'rule r can never match: except leaves alone all that it is about',
    ],
    [
      'a hold of what is denied further down',
      ['{ id: h, hold: { approvers: [sre] }, tools: ["get_x"] }', '{ id: d, deny: true, tools: ["get_*"] }'],
      'rule h can never match: d denies all that it is about',
    ],
    [
      'a hold behind a wider one',
      ['{ id: h, hold: { approvers: [sre] }, tools: ["get_*"] }', '{ id: i, hold: { approvers: [sre] }, tools: ["get_x"] }'],
      'rule i can never match: h stands before it and holds all that it does',
    ],
    [
      'holds that meet, for other approvers',
      ['{ id: h, hold: { approvers: [sre] }, tools: ["get_*"] }', '{ id: i, hold: { approvers: [leads] }, tools: ["*_monitor"] }'],
      'rules h and i hold some of the same calls for other approvers; h stands first and counts',
    ],
    ['a group that is almost another', ['{ id: h, hold: { approvers: [sr] }, tools: ["get_*"] }'], 'no access entry names the group "sr"; did you mean "sre"?'],
  ])('%s', (_, rules, expected) => expect(of('{ groups: [sre], tools: ["get_*", "list_*"] }', ...rules)).toEqual([expected]));

  test.each([
    ['an exemption by a condition', '{ id: r, deny: true, tools: ["get_x"], except: { tools: ["get_*"], when: "call.one_way" } }'],
    ['a rule that reads the names', '{ id: r, deny: true, tools: [get_datadog_metric], metrics: ["a.*"] }'],
  ])('%s may match', (_, rule) => expect(of('{ groups: [sre], tools: ["get_*"] }', rule)).toEqual([]));

  test('where the file says which groups there are, any other is an error', () => {
    const text = `${HEAD.replace('audience: mcprec', 'audience: mcprec, groups: [sre, leads]')}${DATADOG}access: [{ groups: [sree] }]\nrules:\n  - { id: h, hold: { approvers: [leads, lords] } }\n`;
    expect(checkConfig(text, { file: 'g' }).problems.map(problemLine)).toEqual([
      'g:6:21: identity.groups has no group "sree"; did you mean "sre"?',
      'g:8:41: identity.groups has no group "lords"; there are: sre, leads',
    ]);
  });

  test('a hold of changed tools that nobody could approve is an error', () => {
    const text = `${HEAD}${DATADOG.replace('kind: mcp,', 'kind: mcp, tool_changes: hold,')}${OPEN}`;
    expect(checkConfig(text, { file: 'g' }).problems[0]?.message).toContain('nobody could approve, as identity.admin_groups is empty');
  });
});
