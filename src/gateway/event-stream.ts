// Writes a session's events to one client as server-sent events, with a comment now and then so that silence means a lost connection.
import type { ServerResponse } from 'node:http';
import type { SessionId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { SessionEvents } from './events.ts';

/** Takes the response over; it ends with the session, with the client, or when the gateway closes. */
export function streamEvents(response: ServerResponse, sessionId: SessionId, events: SessionEvents): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  response.write(': following\n\n');
  const comments = setInterval(() => response.write(':\n\n'), limits.eventCommentMs);
  const unfollow = events.follow(sessionId, {
    event: (event) => void response.write(`event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`),
    end: () => void response.end(),
  });
  response.once('close', () => {
    clearInterval(comments);
    unfollow();
  });
}
