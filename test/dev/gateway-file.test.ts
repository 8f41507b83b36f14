import { expect, test } from 'vitest';
import { gatewayFile } from '../../src/dev/gateway-file.ts';
import { checkConfig } from '../../src/policy/parse.ts';

test('the gateway.yaml of mcprec dev is valid, without a warning', () => {
  const text = gatewayFile({
    port: 7470,
    issuer: 'http://127.0.0.1:7471',
    audience: 'urn:mcprec:gateway',
    clientId: 'mcprec',
    sandboxUrl: 'http://127.0.0.1:7472',
    mcpUrl: 'http://127.0.0.1:7472/v1/mcp',
    files: { database: 'gateway.db', keys: 'gateway.keys', apiKey: 'dd_api_key', applicationKey: 'dd_application_key' },
  });
  const { config, problems, warnings } = checkConfig(text, { file: '/srv/gateway.yaml' });
  expect([problems, warnings]).toEqual([[], []]);
  expect(config?.connections.datadog).toMatchObject({ record: 'full', upstreamQuery: { toolsets: 'core' } });
  expect(config?.data.path).toBe('/srv/gateway.db');
  expect(config?.rules.map((r) => r.id)).toEqual(['no-delete', 'long-mutes']);
});
