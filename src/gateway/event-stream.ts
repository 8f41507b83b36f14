// Writes a session's events to one client as server-sent events, with a comment now and then so that silence means a lost connection.
import type { ServerResponse } from 'node:http';
import type { SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { SessionEvent } from '../protocol/control.ts';
import type { SessionEvents } from './events.ts';

export interface EventStream {
  readonly sessionId: SessionId;
  /** Sent at once. */
  readonly first: SessionEvent;
  readonly events: SessionEvents;
}

/** Takes the response over; it ends with the session, with the client, or when the gateway closes. */
export function streamEvents(response: ServerResponse, { sessionId, first, events }: EventStream): void {
  // The client may have left while its request was looked at; its `close` will not come again.
  if (response.destroyed) return;
  const send = (event: SessionEvent): void => void response.write(`event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  send(first);
  const comments = setInterval(() => response.write(':\n\n'), limits.eventCommentMs);
  const unfollow = events.follow(sessionId, { event: send, end: () => void response.end() });
  response.once('close', () => {
    clearInterval(comments);
    unfollow();
  });
}
