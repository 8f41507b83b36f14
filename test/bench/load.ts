// What the load generator is told and what it reports. Types, and the requests that it makes.
import type { AnswerSize } from './answers.ts';

/** `mix`: reads and changes of several sizes, some of which policy denies. `sse`: the answer is an event stream. `streams`: each stays open to the end. */
export type LoadKind = AnswerSize | 'mix' | 'sse' | 'streams';

export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  readonly kind: LoadKind;
  readonly connections: number;
  readonly ms: number;
  /** Calls a second, of all connections together; as fast as they are answered where absent. */
  readonly pace?: number;
}

export interface LoadReport {
  /** Calls that got their whole answer. */
  readonly answered: number;
  /** Ids of the calls made: from `firstId` up to and without `endId`. */
  readonly firstId: number;
  readonly endId: number;
  /** Ids of calls that got no answer, or not theirs, and what came in its place. */
  readonly failed: readonly { readonly id: number; readonly why: string }[];
  readonly seconds: number;
  readonly perSecond: number;
  /** Milliseconds to the whole answer; for `sse` to the end of the first event, for `streams` from sending an event to its arrival. */
  readonly p50: number;
  readonly p99: number;
  /** Bytes of requests and answers on this side, heads included. */
  readonly wireBytes: number;
  /** For `streams`: events that came, and those of them that were not the next of their stream. */
  readonly events: number;
  readonly outOfOrder: number;
}

const reads = ['search_datadog_logs', 'search_datadog_metrics', 'get_datadog_metric', 'search_datadog_monitors', 'get_datadog_trace'];
const changes = ['create_datadog_monitor', 'update_datadog_monitor', 'mute_datadog_monitor', 'edit_datadog_dashboard'];
/** Denied by the policy of the bench. */
const denied = 'delete_datadog_monitor';

/** True of a call that the policy of the bench denies. */
export function isDenied(id: number, kind: LoadKind): boolean {
  return kind === 'mix' && id % 20 === 19;
}

/** The body of the call with that id: no two are alike. */
function callBody(id: number, kind: LoadKind): { readonly method: string; readonly tool: string; readonly body: string } {
  if (kind === 'streams') {
    const params = { notifications: { toolsListChanged: true }, _meta: meta };
    return { method: 'subscriptions/listen', tool: '', body: JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params }) };
  }
  const choice = id % 20;
  const changing = kind === 'mix' && choice >= 14;
  const tool = isDenied(id, kind) ? denied : ((changing ? changes[choice % changes.length] : reads[choice % reads.length]) as string);
  const query = `service:checkout-api status:error @duration:>${id} env:prod`;
  const text = changing ? `Errors of ${id}: `.padEnd(300 + 900 * (choice - 14), 'checkout errors are rising, look at the runbook. ') : undefined;
  const args = {
    call: `c${id}`,
    query,
    from: 'now-15m',
    to: 'now',
    limit: 50,
    ...(text !== undefined && { name: `monitor ${id}`, message: text, tags: ['env:prod'] }),
  };
  const progress = kind === 'sse' ? { progressToken: 'bench' } : {};
  const params = { name: tool, arguments: args, _meta: { ...meta, ...progress } };
  return { method: 'tools/call', tool, body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }) };
}

const REVISION = '2026-07-28';
const meta = { 'io.modelcontextprotocol/protocolVersion': REVISION, 'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' } };

/** The whole request as it goes over the socket. */
export function requestText(order: LoadOrder, id: number): string {
  const { method, tool, body } = callBody(id, order.kind);
  const answer = { mix: '1k', streams: 'stream' }[order.kind as string] ?? order.kind;
  const name = tool === '' ? '' : `Mcp-Name: ${tool}\r\n`;
  return (
    `POST ${order.path}?answer=${answer} HTTP/1.1\r\nHost: 127.0.0.1:${order.port}\r\nContent-Type: application/json\r\n` +
    `Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: ${REVISION}\r\nMcp-Method: ${method}\r\n${name}` +
    `User-Agent: bench/1.0\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
