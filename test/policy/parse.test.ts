import { describe, expect, test } from 'vitest';
import { checkConfig, parseConfig, problemLine } from '../../src/policy/parse.ts';
import { DATADOG, HEAD } from './support.ts';

function problems(text: string, env: Record<string, string> = {}): readonly string[] {
  return checkConfig(text, { file: 'gateway.yaml', env }).problems.map(problemLine);
}

describe('a configuration that is right', () => {
  test('the smallest one gets the documented defaults', () => {
    const { config } = parseConfig(`${HEAD}connections: {}\n`, { file: '/etc/mcprec/gateway.yaml' });
    expect(config).toEqual({
      listen: { host: '127.0.0.1', port: 7470 },
      publicUrl: 'http://127.0.0.1:7470',
      data: { kind: 'sqlite', path: '/etc/mcprec/gateway.db' },
      keys: { kind: 'file', path: '/run/keys' },
      identity: {
        issuer: 'https://login.example.com',
        audience: 'mcprec',
        groupsClaim: 'groups',
        clientId: 'mcprec',
        scopes: ['openid', 'email', 'offline_access'],
        adminGroups: [],
        machineOwners: {},
        boundTokens: 'people',
        clockSkewMs: 30_000,
      },
      holdWaitMs: 45_000,
      retention: { ownersErase: false },
      webhooks: [],
      witnesses: [],
      connections: {},
      access: [],
      rules: [],
      mask: {
        apply: ['record'],
        detectors: ['secrets', 'email', 'phone', 'card', 'iban', 'ssn', 'ip'],
        patterns: [],
        pseudonymEpochMs: 30 * 86_400_000,
        fields: [],
      },
    });
  });

  test('every key of every kind of connection arrives', () => {
    const text = `${HEAD}listen: "[::1]:0"
public_url: https://mcprec.example.com/
connections:
  datadog:
    kind: mcp
    upstream: https://mcp.example.com/v1/mcp
    credential: { headers: { DD_API_KEY: "env:DD_API_KEY", Authorization: "Bearer file:token" } }
    record: metadata
    upstream_query: { toolsets: core }
    upstream_headers: { X-Datadog-MCP-Toolsets: core }
    unscoped_tools: [get_status]
    unmaskable: pass
    witness: before-forward
  intake:
    kind: datadog-intake
    upstream: https://api.example.com
    upstreams: { logs: https://logs.example.com }
    env: { DD_URL: "{endpoint}", DD_API_KEY: "{local_token}" }
  grafana: { kind: http, upstream: "https://grafana.example.com/base", paths: ["/api/*"] }
access:
  - { groups: [sre], connections: ["data*"], tools: [], ttl: 90m }
rules:
  - { id: no-delete, deny: true, tools: ["delete_*"], message: "Ask the owner." }
mask: { apply: [record, client], detectors: [email], fields: [{ path: "$..password" }, { path: "$..user", as: drop }] }
`;
    const { config } = parseConfig(text, { file: 'conf/gateway.yaml' });
    expect(config.listen).toEqual({ host: '::1', port: 0 });
    expect(config.publicUrl).toBe('https://mcprec.example.com');
    expect(config.data.path).toBe('conf/gateway.db');
    expect(config.connections.datadog).toEqual({
      kind: 'mcp',
      upstream: 'https://mcp.example.com/v1/mcp',
      upstreams: {},
      credentialHeaders: {
        dd_api_key: { ref: { kind: 'env', name: 'DD_API_KEY' } },
        authorization: { scheme: 'Bearer', ref: { kind: 'file', path: 'conf/token' } },
      },
      record: 'metadata',
      upstreamQuery: { toolsets: 'core' },
      upstreamHeaders: { 'x-datadog-mcp-toolsets': 'core' },
      env: {},
      paths: [],
      unscopedTools: ['get_status'],
      unmaskable: 'pass',
      witness: 'before-forward',
      queryArguments: {},
      transport: 'streamable-http',
      toolChanges: { effect: 'allow' },
    });
    expect(config.connections.intake).toMatchObject({ upstreams: { logs: 'https://logs.example.com' }, env: { DD_URL: '{endpoint}' }, record: 'off' });
    expect(config.connections.grafana).toMatchObject({ kind: 'http', paths: ['/api/*'] });
    expect(config.access).toEqual([{ groups: ['sre'], connections: ['data*'], tools: [], ttlMs: 5_400_000 }]);
    expect(config.rules).toEqual([{ id: 'no-delete', effect: 'deny', tools: ['delete_*'], message: 'Ask the owner.' }]);
    expect(config.mask).toEqual({
      apply: ['record', 'client'],
      detectors: ['email'],
      patterns: [],
      pseudonymEpochMs: 30 * 86_400_000,
      fields: [
        { path: '$..password', as: 'redact' },
        { path: '$..user', as: 'drop' },
      ],
    });
  });

  test('anchors and aliases are read as what they stand for', () => {
    const { config } = parseConfig(`${HEAD}${DATADOG}access:\n  - &a { groups: [sre], tools: &t ["get_*"] }\n  - { groups: [dev], tools: *t }\n`, {
      file: 'g',
    });
    expect(config.access[1]).toEqual({ groups: ['dev'], tools: ['get_*'], ttlMs: 3_600_000 });
  });
});

describe('the environment overrides single values', () => {
  test('the value of the variable is used, and an empty one is not', () => {
    const env = { MCPREC_LISTEN: '0.0.0.0:80', MCPREC_IDENTITY_ISSUER: 'http://127.0.0.1:9/x', MCPREC_DATA: '' };
    const { config } = parseConfig(`${HEAD}connections: {}\n`, { file: 'gateway.yaml', env });
    expect(config.listen).toEqual({ host: '0.0.0.0', port: 80 });
    expect(config.identity.issuer).toBe('http://127.0.0.1:9/x');
    expect(config.data.path).toBe('gateway.db');
  });

  test('it can give what the file lacks', () => {
    const env = { MCPREC_DATA: 'sqlite:/a', MCPREC_KEYS: 'env:KEYS', MCPREC_IDENTITY_ISSUER: 'https://i', MCPREC_IDENTITY_AUDIENCE: 'a' };
    expect(problems('connections: {}\n', env)).toEqual([]);
  });

  test('a wrong value is reported under the name of the variable', () => {
    expect(problems(`${HEAD}connections: {}\n`, { MCPREC_LISTEN: 'here' })).toEqual(['MCPREC_LISTEN: listen: must be HOST:PORT']);
  });
});

test.each(['password', 'usr.email', '$..password', '$..attributes.user.*', '$.a[0].b', "$['a b']", '$.*', '$[*].x'])(
  '%s is a place that a mask can name',
  (path) => {
    const text = `${HEAD}connections: {}\nmask: { fields: [{ path: ${JSON.stringify(path)} }] }\n`;
    expect(parseConfig(text, { file: 'g' }).config.mask.fields).toEqual([{ path, as: 'redact' }]);
  },
);
