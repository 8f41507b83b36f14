// Messages of ours to an MCP server, sent in the client's own session beside what the client sends.
import { type ExchangeId, newId } from '../base/ids.ts';
import { headerValue, type RawHeaders } from '../protocol/headers.ts';
import type { Hop } from './hop.ts';
import type { AnswerReceiver } from './upstream.ts';

/** The exchange during which it is sent. */
export interface Occasion {
  readonly exchange: ExchangeId;
  readonly target: string;
  /** The client's; they name its MCP session. */
  readonly headers: RawHeaders;
}

/** Nobody waits for what the server says to it. */
const unheard: AnswerReceiver = { started: (_status, _headers, flow) => flow.abort(), data: () => undefined, ended: () => undefined, failed: () => undefined };

const kept = ['mcp-session-id', 'mcp-protocol-version'] as const;

/** Sends one message; it is recorded already. */
export function tellServer(hop: Hop, { exchange, target, headers: given }: Occasion, body: Buffer): void {
  const named = kept.flatMap((name) => {
    const value = headerValue(given, name);
    return value === undefined ? [] : [name, value];
  });
  const headers = [...named, 'Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];
  hop.upstream.send(
    hop.dress({ exchange: newId('exc', hop.rules.ids), parent: exchange, verb: 'POST', target, headers, identityCoding: false, body }),
    unheard,
  );
}
