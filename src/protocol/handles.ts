// Finds the handles that an upstream gives out and a client sends back (RULES R2): sessions, cursors, states, tasks, event ids.
import { member, parseJson, stringMember } from '../base/json.ts';
import { headerValue, type RawHeaders } from './headers.ts';
import type { ClientMessage } from './message.ts';
import { type LocalAnswer, rpcCodes } from './refusal.ts';

export type HandleKind = 'session' | 'event' | 'cursor' | 'state' | 'task';

export interface Handle {
  readonly kind: HandleKind;
  readonly value: string;
}

/** The handles in a client's request. */
export function handlesInRequest(headers: RawHeaders, messages: readonly ClientMessage[]): readonly Handle[] {
  const handles: Handle[] = [];
  const add = (kind: HandleKind, value: string | undefined): void => {
    if (value !== undefined && value !== '') handles.push({ kind, value });
  };
  add('session', headerValue(headers, 'mcp-session-id'));
  add('event', headerValue(headers, 'last-event-id'));
  for (const { params, method } of messages) {
    add('cursor', stringMember(params, 'cursor'));
    add('state', stringMember(params, 'requestState'));
    if (method?.startsWith('tasks/')) add('task', stringMember(params, 'taskId'));
  }
  return handles;
}

/** The session that an answer's headers open. */
export function handlesInHeaders(headers: RawHeaders): readonly Handle[] {
  const value = headerValue(headers, 'mcp-session-id');
  return value === undefined ? [] : [{ kind: 'session', value }];
}

/** Words without which a message holds no handle; looking for them is cheaper than reading every answer. */
const MARKS = ['"nextCursor"', '"requestState"', '"taskId"'];

/** The handles in one message of an upstream. */
export function handlesInAnswer(text: string, eventId: string | undefined): readonly Handle[] {
  const handles: Handle[] = eventId === undefined || eventId === '' ? [] : [{ kind: 'event', value: eventId }];
  if (!MARKS.some((mark) => text.includes(mark))) return handles;
  const root = parseJson(text);
  if (root.type === 'fault') return handles;
  for (const message of root.type === 'array' ? root.items : [root]) {
    const body = member(message, 'result') ?? member(message, 'params');
    const found: [HandleKind, string | undefined][] = [
      ['cursor', stringMember(body, 'nextCursor')],
      ['state', stringMember(body, 'requestState')],
      ['task', stringMember(body, 'taskId') ?? stringMember(member(body, 'task'), 'taskId')],
    ];
    const tasks = member(body, 'tasks');
    if (tasks?.type === 'array') for (const task of tasks.items) found.push(['task', stringMember(task, 'taskId')]);
    for (const [kind, value] of found) if (value !== undefined) handles.push({ kind, value });
  }
  return handles;
}

/** The protocol's own answer for a handle that the server does not know. Source: MCP transports (404 on a session), pagination, tasks. */
export function answerUnknownHandle(handle: Handle, idLexeme: string | undefined): LocalAnswer {
  const rpc = (code: number, message: string): string => `{"jsonrpc":"2.0","id":${idLexeme ?? 'null'},"error":${JSON.stringify({ code, message })}}`;
  const headers = ['Content-Type', 'application/json'];
  switch (handle.kind) {
    case 'session':
      return { status: 404, headers, body: rpc(-32001, 'Session not found') };
    case 'event':
      return { status: 400, headers, body: rpc(-32000, 'Invalid Last-Event-ID') };
    case 'cursor':
      return { status: 200, headers, body: rpc(rpcCodes.invalidParams, 'Invalid cursor') };
    case 'state':
      return { status: 200, headers, body: rpc(rpcCodes.invalidParams, 'Invalid requestState') };
    case 'task':
      return { status: 200, headers, body: rpc(rpcCodes.invalidParams, 'Task not found') };
  }
}
