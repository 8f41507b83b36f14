import { describe, expect, test } from 'vitest';
import { McprecError } from '../../src/base/errors.ts';
import { checkConfig, parseConfig, problemLine } from '../../src/policy/parse.ts';
import { DATADOG, HEAD, OPEN } from './support.ts';

function problems(text: string): readonly string[] {
  return checkConfig(text, { file: 'gateway.yaml' }).problems.map(problemLine);
}

describe('a problem has its line and column', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['an empty file', '', ['gateway.yaml:1:1: the file is empty']],
    ['a list', '- a\n', ['gateway.yaml:1:1: the file: must be a map of keys']],
    ['a repeated key', `${HEAD}connections: {}\nkeys: env:K\n`, ['gateway.yaml:5:1: this key stands twice']],
    ['a tab', `${HEAD}connections:\n\tx: 1\n`, ['gateway.yaml:5:1: a tab is used for indentation; use spaces']],
    ['two documents', `${HEAD}connections: {}\n---\na: 1\n`, ['gateway.yaml:5:1: the file holds more than one YAML document']],
    [
      'a mistyped key at the top',
      `${HEAD}connections: {}\n\nacces: []\n`,
      [
        'gateway.yaml:6:1: unknown key "acces"; did you mean "access"?; allowed here: listen, public_url, data, keys, identity, connections, access, rules, mask, witnesses, hold_wait, retention, webhooks',
      ],
    ],
    [
      'a mistyped key in a connection, among those of its kind',
      `${HEAD}connections:\n  api:\n    kind: http\n    upstream: https://a.example.com\n    path: ["/x"]\n`,
      [
        'gateway.yaml:5:3: connections.api.paths: is missing',
        'gateway.yaml:8:5: unknown key "path" in connections.api; did you mean "paths"?; allowed here: kind, upstream, paths, credential, record, env, unmaskable, witness, upstream_query, upstream_headers',
      ],
    ],
    [
      'a mistyped key in a list',
      `${HEAD}${DATADOG}access:\n  - groups: [sre]\n  - groups: [dev]\n    tolls: ["x"]\n`,
      [
        'gateway.yaml:9:5: unknown key "tolls" in access[1]; did you mean "tools"?; allowed here: groups, connections, methods, tools, resources, prompts, paths, metrics, tags, ttl, hours, approval, calls, server_requests',
      ],
    ],
    [
      'a hold that nobody can approve',
      `${HEAD}${DATADOG}${OPEN}rules:\n  - { id: a, hold: { within: 10m } }\n`,
      ['gateway.yaml:9:14: rules[0].hold.approvers: is missing'],
    ],
    [
      'a rule that does nothing, and one that does two things',
      `${HEAD}${DATADOG}${OPEN}rules:\n  - { id: a, tools: [x] }\n  - { id: b, deny: true, hold: { approvers: [x] } }\n`,
      ['gateway.yaml:9:5: rules[0]: must say one of deny, hold and mask', 'gateway.yaml:10:5: rules[1]: must say one of deny, hold and mask'],
    ],
    [
      'a kind that does not exist',
      `${HEAD}connections:\n  a: { kind: mcpp }\n`,
      ['gateway.yaml:5:14: connections.a.kind: must be one of mcp, stdio, datadog-intake, http; did you mean "mcp"?'],
    ],
    [
      'no kind',
      `${HEAD}connections:\n  a: { upstream: "https://a" }\n`,
      ['gateway.yaml:5:3: connections.a.kind: is missing; it must be one of mcp, stdio, datadog-intake, http'],
    ],
    [
      'a missing value',
      `data: sqlite:x\nkeys: env:K\nidentity: { audience: m, issuer: }\nconnections: {}\n`,
      ['gateway.yaml:3:34: identity.issuer: has no value'],
    ],
    ['a missing section', `data: sqlite:x\nkeys: env:K\nconnections: {}\n`, ['gateway.yaml:1:1: identity: is missing']],
    [
      'a wrong word',
      `${HEAD}connections:\n  a: { kind: mcp, upstream: "https://a", record: ful }\n`,
      ['gateway.yaml:5:50: connections.a.record: must be one of off, metadata, full; did you mean "full"?'],
    ],
    ['a wrong duration', `${HEAD}${DATADOG}access:\n  - ttl: 1 hour\n`, ['gateway.yaml:7:10: access[0].ttl: must be a duration such as 45s, 30m or 1h']],
    ['a number for a duration', `${HEAD}${DATADOG}access:\n  - ttl: 60\n`, ['gateway.yaml:7:10: access[0].ttl: must be a duration such as 45s, 30m or 1h']],
    ['a grant that would last too long', `${HEAD}${DATADOG}access:\n  - ttl: 2d\n`, ['gateway.yaml:7:10: access[0].ttl: must be 24h at most']],
    ['a port out of range', `listen: 127.0.0.1:70000\n${HEAD}connections: {}\n`, ['gateway.yaml:1:9: listen: the port must be 65535 at most']],
    [
      'another database',
      `data: postgres://db\nkeys: env:K\nidentity: { issuer: "https://i", audience: a }\nconnections: {}\n`,
      ['gateway.yaml:1:7: data: must be sqlite:PATH'],
    ],
    [
      'a plain-http issuer elsewhere',
      `data: sqlite:x\nkeys: env:K\nidentity: { issuer: "http://login.example.com", audience: a }\nconnections: {}\n`,
      ['gateway.yaml:3:21: identity.issuer: must be https:// (plain http only on this machine)'],
    ],
    [
      'an upstream with a query',
      `${HEAD}connections:\n  a: { kind: mcp, upstream: "https://a/?toolsets=all" }\n`,
      ['gateway.yaml:5:29: connections.a.upstream: must have no query; use upstream_query where the connection has one'],
    ],
    [
      'an intake with a path',
      `${HEAD}connections:\n  a: { kind: datadog-intake, upstream: "https://a/api" }\n`,
      ['gateway.yaml:5:40: connections.a.upstream: must be scheme, host and port only, without a path'],
    ],
    [
      'a name of a connection that does not fit, and what is wrong inside of it',
      `${HEAD}connections:\n  Data Dog: { kind: mcp }\n`,
      [
        'gateway.yaml:5:3: connections.Data Dog.upstream: is missing',
        'gateway.yaml:5:3: connections.Data Dog: a connection’s name is 1 to 63 lower-case letters, digits, - and _, and begins with a letter or digit',
      ],
    ],
    [
      'a connection that does not exist',
      `${HEAD}${DATADOG}access:\n  - { groups: [sre], connections: [datadog, datadgo] }\n`,
      ['gateway.yaml:7:45: no connection is named "datadgo"; did you mean "datadog"?; there are: datadog'],
    ],
    [
      'a pattern for no connection',
      `${HEAD}${DATADOG}access:\n  - { connections: ["prod-*"] }\n`,
      ['gateway.yaml:7:21: no connection is named "prod-*"; there are: datadog'],
    ],
    [
      'a pattern for groups',
      `${HEAD}${DATADOG}access:\n  - { groups: ["*"] }\n`,
      ['gateway.yaml:7:16: access[0].groups[0]: groups are whole names, not patterns; leave `groups` out for everyone'],
    ],
    [
      'an empty list of groups',
      `${HEAD}${DATADOG}access:\n  - { groups: [] }\n`,
      ['gateway.yaml:7:15: access[0].groups: is empty and matches nobody; leave it out for everyone'],
    ],
    [
      'an empty list in a rule',
      `${HEAD}${DATADOG}${OPEN}rules:\n  - { id: a, deny: true, tools: [] }\n`,
      ['gateway.yaml:9:33: rules[0].tools: is empty and matches nothing; leave it out for any'],
    ],
    [
      'an id used twice',
      `${HEAD}${DATADOG}${OPEN}rules:\n  - { id: a, deny: true, tools: [x] }\n  - { id: a, deny: true, tools: [y] }\n`,
      ['gateway.yaml:10:11: the id "a" is already that of rules[0]'],
    ],
    [
      'a rule about metrics where none can be read',
      `${HEAD}connections: { a: { kind: http, upstream: "https://a", paths: ["/*"] } }\nrules:\n  - { id: a, deny: true, metrics: ["x.*"] }\n`,
      ['gateway.yaml:6:26: rules[0].metrics does not work on http connections, and the rule concerns a too; name its connections'],
    ],
    [
      'a mask that leaves the record alone',
      `${HEAD}connections: {}\nmask: { apply: [client] }\n`,
      ['gateway.yaml:5:16: mask.apply: must name record: what is stored is always masked'],
    ],
    ...['$', '$.', '$..', '$x', '$..a[', '$.a b'].map((path): [string, string, string[]] => [
      `the path ${path}`,
      `${HEAD}connections: {}\nmask: { fields: [{ path: "${path}" }] }\n`,
      ['gateway.yaml:5:26: mask.fields[0].path: must be a key name, or a path such as $..password or $..attributes.user.*'],
    ]),
    [
      'a header that mcprec owns',
      `${HEAD}connections:\n  a: { kind: mcp, upstream: "https://a", credential: { headers: { Host: "env:X" } } }\n`,
      ['gateway.yaml:5:67: connections.a.credential.headers.Host: this header is set by mcprec itself'],
    ],
    [
      'a credential among the plain headers',
      `${HEAD}connections:\n  a: { kind: mcp, upstream: "https://a", upstream_headers: { Authorization: "x" } }\n`,
      ['gateway.yaml:5:62: connections.a.upstream_headers.Authorization: this header is a credential; use credential.headers'],
    ],
    [
      'an unknown placeholder',
      `${HEAD}connections:\n  a: { kind: mcp, upstream: "https://a", env: { URL: "{endpont}" } }\n`,
      ['gateway.yaml:5:54: connections.a.env.URL: the placeholders are {endpoint} and {local_token}'],
    ],
  ];
  test.each(cases)('%s', (_, text, expected) => {
    expect(problems(text)).toEqual(expected);
  });

  test('all of them are reported, in the order of the file', () => {
    const text = `listen: here\n${HEAD}connections:\n  a: { kind: mcp, upstream: x }\naccess:\n  - { connections: [b], ttl: soon }\n`;
    expect(problems(text).map((line) => line.split(' ')[0])).toEqual(['gateway.yaml:1:9:', 'gateway.yaml:6:29:', 'gateway.yaml:8:21:', 'gateway.yaml:8:30:']);
  });

  test('parseConfig throws them all in one error of category config', () => {
    try {
      parseConfig('listen: here\n', { file: 'gateway.yaml' });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(McprecError);
      expect((error as McprecError).code).toBe('config_invalid');
      expect((error as McprecError).exitCode).toBe(3);
      expect((error as McprecError).message.split('\n')).toHaveLength(5);
    }
  });

  test('a secret written in the wrong place is not repeated', () => {
    const text = `data: sqlite:x\nkeys: hunter2\nidentity: { issuer: "https://i", audience: a }\nconnections:\n  a: { kind: mcp, upstream: "https://a", credential: { headers: { X-Key: hunter2 } } }\n`;
    const found = problems(text);
    expect(found).toHaveLength(2);
    expect(found.join()).not.toContain('hunter2');
  });

  test('a bomb of aliases is refused', () => {
    const levels = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`).join('\n');
    expect(problems(`a0: &a0 [x]\n${levels}\n`)).toEqual(['gateway.yaml:1:1: Excessive alias count indicates a resource exhaustion attack']);
  });

  test('a file that is too long is not read', () => {
    expect(problems(`# ${'x'.repeat(1024 * 1024)}`)).toEqual(['gateway.yaml:1:1: the file is larger than 1048576 bytes']);
  });
});
