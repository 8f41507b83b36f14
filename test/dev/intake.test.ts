import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { client, v1, v2 } from '@datadog/datadog-api-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/dev/sandbox.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.close());

function datadog(apiKey = sandbox.credentials.apiKey) {
  const configuration = client.createConfiguration({
    serverIndex: 1,
    authMethods: { apiKeyAuth: apiKey },
    zstdCompressorCallback: (body: string) => zstdCompressSync(body),
  });
  configuration.setServerVariables({ protocol: 'http', name: sandbox.url.slice('http://'.length) });
  for (const servers of Object.values(configuration.operationServers))
    for (const server of servers) server.setVariables({ protocol: 'http', name: sandbox.url.slice(7) });
  return configuration;
}

const point = { timestamp: 1_763_800_000, value: 412.5 };
const series = { series: [{ metric: 'checkout.orders', type: 1 as const, points: [point], tags: ['env:prod'] }] };

describe('the real client', () => {
  test.each([undefined, 'deflate', 'gzip', 'zstd1'] as const)('series v2, encoding %s', async (contentEncoding) => {
    const answer = await new v2.MetricsApi(datadog()).submitMetrics({ body: series, ...(contentEncoding ? { contentEncoding } : {}) });
    expect(answer.errors).toEqual([]);
    expect(sandbox.intake()[0]).toMatchObject({ path: '/api/v2/series', encoding: contentEncoding ?? 'identity', items: 1, names: ['checkout.orders'] });
    expect(sandbox.intake()[0]?.body).toMatchObject({ series: [{ metric: 'checkout.orders', points: [{ value: 412.5 }] }] });
  });

  test('series v1, distributions, checks, events, logs, validate', async () => {
    const configuration = datadog();
    const metrics = new v1.MetricsApi(configuration);
    expect(await metrics.submitMetrics({ body: { series: [{ metric: 'payments.queue.depth', points: [[1_763_800_000, 17]], type: 'gauge' }] } })).toMatchObject(
      { status: 'ok' },
    );
    expect(
      await metrics.submitDistributionPoints({
        body: { series: [{ metric: 'checkout.latency.dist', points: [[1_763_800_000, [0.21, 0.34]]] }] },
        contentEncoding: 'deflate',
      }),
    ).toMatchObject({ status: 'ok' });
    const checks = new v1.ServiceChecksApi(configuration);
    expect(await checks.submitServiceCheck({ body: [{ check: 'payments.gateway.reachable', hostName: 'i-04', status: 0, tags: [] }] })).toMatchObject({
      status: 'ok',
    });
    expect(await new v1.EventsApi(configuration).createEvent({ body: { title: 'Deployed checkout', text: 'version 2026.11.3' } })).toMatchObject({
      status: 'ok',
    });
    await new v2.LogsApi(configuration).submitLog({ body: [{ message: 'order accepted', service: 'checkout', ddsource: 'nodejs' }], contentEncoding: 'gzip' });
    expect(await new v1.AuthenticationApi(configuration).validate()).toMatchObject({ valid: true });
    expect(sandbox.intake().map((r) => [r.path, r.names])).toEqual([
      ['/api/v1/series', ['payments.queue.depth']],
      ['/api/v1/distribution_points', ['checkout.latency.dist']],
      ['/api/v1/check_run', ['payments.gateway.reachable']],
      ['/api/v1/events', ['Deployed checkout']],
      ['/api/v2/logs', ['checkout']],
    ]);
  });

  test('a wrong key is forbidden and nothing is taken', async () => {
    await expect(new v2.MetricsApi(datadog('not-the-key')).submitMetrics({ body: series })).rejects.toMatchObject({
      code: 403,
      body: { errors: ['Forbidden'] },
    });
    expect(sandbox.intake()).toHaveLength(0);
    expect(sandbox.received()[0]?.credentials).toContain('dd-api-key');
  });
});

async function send(path: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${sandbox.url}${path}`, {
    method: 'POST',
    headers: { 'dd-api-key': sandbox.credentials.apiKey, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  return { status: response.status, body: await response.json() };
}

describe('what is refused', () => {
  const long = JSON.stringify({ series: Array.from({ length: 60_000 }, (_, i) => ({ ...series.series[0], metric: `checkout.orders.${i % 7}` })) });

  test('too long as sent: 413', async () => {
    expect(long.length).toBeGreaterThan(512_000);
    expect(await send('/api/v2/series', long)).toEqual({ status: 413, body: { errors: ['Payload too big'] } });
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ] as const)('short as sent but too long inflated: 413 (%s)', async (encoding, compress) => {
    const packed = compress(long);
    expect(packed.length).toBeLessThan(512_000);
    expect(await send('/api/v2/series', packed, { 'content-encoding': encoding })).toMatchObject({ status: 413 });
    expect(sandbox.intake()).toHaveLength(0);
  });

  test('what v1 may take, v2 may not', async () => {
    const body = JSON.stringify({ series: Array.from({ length: 12_000 }, (_, i) => ({ metric: `m.${i}`, points: [[1_763_800_000, i]] })) });
    expect((await send('/api/v1/series', body)).status).toBe(202);
    expect((await send('/api/v2/series', body)).status).toBe(413);
  });

  test.each([
    ['not gzip', '/api/v2/series', 'plain text', { 'content-encoding': 'gzip' }, 400],
    ['zstd on v1', '/api/v1/series', zstdCompressSync('{"series":[]}'), { 'content-encoding': 'zstd' }, 415],
    ['not JSON', '/api/v2/series', '{"series":', {}, 400],
    ['points of the other version', '/api/v2/series', '{"series":[{"metric":"a","points":[[1,2]]}]}', {}, 400],
    ['a check without a status', '/api/v1/check_run', '[{"check":"a","host_name":"b"}]', {}, 400],
    ['too many log entries', '/api/v2/logs', JSON.stringify(Array.from({ length: 1_001 }, () => ({ message: 'a' }))), {}, 413],
    ['an unknown path', '/api/v3/series', '{}', {}, 404],
    ['a name from the prototype', '/constructor', '{}', {}, 404],
  ] as const)('%s', async (_what, path, body, headers, status) => {
    const answer = await send(path, body as string, headers as Record<string, string>);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ errors: [expect.any(String)] });
  });
});

test('plain text logs count their lines', async () => {
  await send('/api/v2/logs', 'one\ntwo\n', { 'content-type': 'text/plain' });
  expect(sandbox.intake()[0]).toMatchObject({ items: 2, body: ['one', 'two'] });
});

test('a page that rebinds its name to this machine is refused', async () => {
  const { request } = await import('node:http');
  const status = await new Promise((resolve, reject) => {
    request(`${sandbox.url}/__log`, { headers: { host: 'evil.example' } }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
  expect(status).toBe(403);
});
