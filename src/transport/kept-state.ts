// What HTTP keeps from one message of a client to the next, for a client that does not come by HTTP: session, revision, mirrored parameters.
import { LINES_TYPE } from '../protocol/lines.ts';
import { type MirroredParams, modernHeaders } from '../protocol/request-headers.ts';
import type { Outline } from './outline.ts';

/** What such a client takes as an answer. */
export const ACCEPT = `application/json, text/event-stream, ${LINES_TYPE}`;

export class KeptState {
  /** Stand in every request. */
  readonly common: readonly string[];
  /** What the lists of tools say about parameters to be repeated in headers. */
  readonly mirrored: MirroredParams = new Map();
  sessionId: string | undefined;
  /** Of the legacy era, as agreed in the handshake. */
  revision: string | undefined;

  constructor(common: readonly string[]) {
    this.common = common;
  }

  /** The headers of a POST with that message, or of a request without one: flat, name and value. */
  headersOf(outline: Outline | undefined): string[] {
    const handshakes = outline?.method === 'initialize';
    const session = this.sessionId === undefined || handshakes ? [] : ['Mcp-Session-Id', this.sessionId];
    const legacy = [...session, ...(this.revision === undefined || handshakes ? [] : ['MCP-Protocol-Version', this.revision])];
    if (outline === undefined) return [...this.common, 'Accept', `text/event-stream, ${LINES_TYPE}`, ...legacy];
    const { node, revision, body } = outline;
    const said = revision === undefined || node === undefined ? legacy : modernHeaders(node, revision, this.mirrored);
    return [...this.common, 'Accept', ACCEPT, 'Content-Type', 'application/json', 'Content-Length', String(body.length), ...said];
  }
}
