// The drafts behind the golden log: every field of a leaf stands in at least one of them. Never change them: a later version gets drafts of its own.
import { idFromBytes } from '../../src/base/ids.ts';
import { markMasked } from '../../src/base/masked.ts';
import type { EntryDraft } from '../../src/evidence/entry.ts';
import { bytes, exchangeId, payload, sessionId } from '../evidence/samples.ts';

const openedMs = 1_763_800_000_000;
const decision = (n: number) => idFromBytes('dec', bytes(16, n));

export function vectorDrafts(): EntryDraft[] {
  const opening = {
    session: sessionId,
    connection: 'datadog',
    kind: 'mcp',
    record: 'full',
    gateway: 'https://mcprec.example.com',
    identity: { issuer: 'https://login.example.com', subject: 'u-1', email: 'ada@example.com', groups: ['sre'] },
    reason: 'checkout is slow',
  };
  const at = (ms: number) => ({ wallMs: openedMs + ms, monoUs: 2_500_000 + ms * 1000 });
  const common = { policyHash: bytes(32, 0x33), maskerVersion: 'm1' };
  return [
    { kind: 'open', ...at(0), wireBytes: 0, payload: payload(JSON.stringify(opening)) },
    {
      kind: 'message',
      ...at(1_200),
      ...common,
      exchange: exchangeId(1),
      direction: 'up',
      message: 'request',
      decision: { effect: 'allow', id: decision(0x41) },
      maskedCount: 1,
      wireBytes: 139,
      payload: payload('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_datadog_logs","arguments":{"query":"user:[email]"}}}'),
      names: markMasked({ method: 'tools/call', tool: 'search_datadog_logs' }),
      mac: bytes(16, 0x51),
      messageNumber: 0,
    },
    {
      kind: 'message',
      ...at(1_450),
      ...common,
      exchange: exchangeId(1),
      direction: 'down',
      message: 'response',
      final: true,
      status: 200,
      wireBytes: 3_050,
      payload: payload(
        `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"${'2025-11-22T08:26:40Z web-1 checkout took 812 ms; '.repeat(60)}"}]}}`,
      ),
      mac: bytes(16, 0x52),
      messageNumber: 0,
    },
    {
      kind: 'decision',
      ...at(9_000),
      ...common,
      exchange: exchangeId(2),
      parent: exchangeId(1),
      direction: 'up',
      message: 'request',
      final: true,
      failed: true,
      decision: { effect: 'deny', id: decision(0x42), rule: 'no-delete' },
      wireBytes: 104,
      payload: payload('{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"delete_datadog_monitor"}}'),
      names: markMasked({ method: 'tools/call', tool: 'delete_datadog_monitor' }),
      mac: bytes(16, 0x53),
      messageNumber: 1,
    },
    {
      kind: 'message',
      ...at(70_000),
      ...common,
      exchange: exchangeId(3),
      direction: 'up',
      message: 'http',
      decision: { effect: 'allow', id: decision(0x43) },
      wireBytes: 70_000,
      names: markMasked({ method: 'POST /api/v2/series', metrics: { 'checkout.latency': 12, 'checkout.errors': 3 } }),
      mac: bytes(16, 0x54),
      messageNumber: 2,
    },
    // The wall clock was set back by ten minutes: the log puts a `clock` entry in front of this one.
    {
      kind: 'message',
      ...common,
      exchange: exchangeId(3),
      direction: 'down',
      message: 'end',
      final: true,
      failed: true,
      status: 502,
      wireBytes: 0,
      wallMs: openedMs + 71_000 - 600_000,
      monoUs: 2_500_000 + 71_000_000,
      names: markMasked({ note: 'upstream_lost' }),
    },
    { kind: 'close', wallMs: openedMs + 72_000 - 600_000, monoUs: 2_500_000 + 72_000_000, wireBytes: 0 },
  ];
}
