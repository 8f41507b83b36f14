// A request that a rule masks leaves with another body, on bare sockets: its length, its coding, its headers.
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { makeRules, payloadOf } from '../support/rules.ts';
import { CALL, JSON_HEADERS, Talk } from '../support/talk.ts';

const EMAIL = 'jo.doe@example.com';
const rules = () => makeRules({ rules: [{ id: 'out', effect: 'mask', mask: { apply: ['upstream'], detectors: ['email'], fields: [] } }] });
const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send_x","arguments":{"to":"${EMAIL}","n":1.0}}}`;
const masked = body.replace(EMAIL, '[email]');

test('the upstream gets the masked body, as long as it says, and the same value in the headers that repeat it', async () => {
  await using t = await Talk.open({ rules: rules() });
  t.send('POST', body, [...JSON_HEADERS, `Mcp-Param-To: ${EMAIL}`, 'X-Other: 1']);
  const socket = await t.upstream.next();
  const text = await socket.has(masked);
  expect(text).not.toContain(EMAIL);
  expect(text).toMatch(new RegExp(`content-length: ${masked.length}\r\n`, 'i'));
  expect(text).toContain('Mcp-Param-To: [email]\r\n');
  expect(text).toContain('X-Other: 1\r\n');
  expect(payloadOf(t.hop.entries[0])).toBe(masked);
});

test('packed, it leaves unpacked', async () => {
  await using t = await Talk.open({ rules: rules() });
  const packed = gzipSync(body);
  t.client.write(
    `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${t.hop.port}\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`,
  );
  t.client.write(packed);
  const text = await (await t.upstream.next()).has(masked);
  expect(text).not.toMatch(/content-encoding/i);
});

test('what no rule changes leaves byte for byte', async () => {
  await using t = await Talk.open({ rules: rules() });
  const socket = await t.ask('POST', CALL, [...JSON_HEADERS, 'Content-Digest: x']);
  expect(socket.text).toContain('Content-Digest: x\r\n');
});
