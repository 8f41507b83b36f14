// A request whose body came whole, with its content coding undone, as the steps of the data path want it.
import { limits } from '../base/limits.ts';
import type { WireFacts } from '../path/drafts.ts';
import type { ClientRequest } from '../path/request.ts';
import { decodeContent } from './body.ts';
import type { Arrived } from './exchange.ts';
import type { Hop } from './hop.ts';

/** The request; `bodyFault` says why there is no body where it cannot be read. */
export async function readCall(hop: Hop, { request, body, exchange, parent, target }: Arrived): Promise<ClientRequest> {
  const { clock } = hop.rules.ids;
  const at = { wallMs: clock.wallMs(), monoUs: clock.monoUs() };
  const facts: WireFacts = { exchange, parent, at, wire: body, wireBytes: body?.length ?? Number(request.headers['content-length'] ?? 0) };
  const base = { facts, verb: request.method ?? 'GET', target, headers: request.rawHeaders, mirrored: hop.memory.mirrored };
  if (body === undefined) return { ...base, body, bodyFault: { status: 413, reason: `the body is longer than ${limits.requestBytesMax} bytes` } };
  const coding = request.headers['content-encoding'];
  if (coding === undefined) return { ...base, body };
  const decoded = await decodeContent(body, coding, limits.requestInflatedBytesMax);
  switch (decoded.kind) {
    case 'decoded':
      return { ...base, body: decoded.bytes };
    case 'too_long':
      return { ...base, body: undefined, bodyFault: { status: 413, reason: `the body is longer than ${limits.requestInflatedBytesMax} bytes when decoded` } };
    case 'unknown_coding':
      return { ...base, body: undefined, bodyFault: { status: 415, reason: `content coding ${decoded.coding} is not supported` } };
    case 'malformed':
      return { ...base, body: undefined, bodyFault: { status: 400, reason: `the body is not what its content coding says: ${decoded.reason}` } };
  }
}
