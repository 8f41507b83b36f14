// Remembers the events of one legacy MCP session, so that a client which lost its stream gets the rest (Last-Event-ID). Bounded.
import { randomUUID } from 'node:crypto';
import type { EventId, EventStore, JSONRPCMessage, StreamId } from '@modelcontextprotocol/server';

const EVENTS_MAX = 2_000;

interface StoredEvent {
  readonly streamId: StreamId;
  readonly message: JSONRPCMessage;
}

export function makeEventStore(): EventStore {
  const events = new Map<EventId, StoredEvent>();
  // In the id, so that ids of two sessions never look alike.
  const mark = randomUUID().slice(0, 8);
  let count = 0;
  return {
    async storeEvent(streamId, message) {
      const id = `${streamId}_${mark}_${count++}`;
      events.set(id, { streamId, message });
      const oldest = events.keys().next().value;
      if (events.size > EVENTS_MAX && oldest !== undefined) events.delete(oldest);
      return id;
    },
    getStreamIdForEventId: async (id) => events.get(id)?.streamId,
    async replayEventsAfter(lastEventId, { send }) {
      const last = events.get(lastEventId);
      if (!last) throw new Error('the event is not known any more');
      let behind = false;
      for (const [id, event] of events) {
        // An event without content only marks where a stream began.
        if (behind && event.streamId === last.streamId && 'jsonrpc' in event.message) await send(id, event.message);
        behind ||= id === lastEventId;
      }
      return last.streamId;
    },
  };
}
