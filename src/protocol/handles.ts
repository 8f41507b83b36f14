// Finds the handles that an upstream gives out and a client sends back (RULES R2): sessions, cursors, states, tasks, event ids.
import { type JsonNode, member, parseJson } from '../base/json.ts';
import { headerValues, type RawHeaders } from './headers.ts';
import type { ClientMessage } from './message.ts';
import { type LocalAnswer, rpcCodes } from './refusal.ts';

export type HandleKind = 'session' | 'event' | 'cursor' | 'state' | 'task';

export interface Handle {
  readonly kind: HandleKind;
  readonly value: string;
}

/** A handle that is not this identity's. */
export interface ForeignHandle extends Handle {
  /** False where the upstream never gave anybody a task: it may not know what one is. */
  readonly tasksGiven: boolean;
}

/** The handles in a client's request. */
export function handlesInRequest(headers: RawHeaders, messages: readonly ClientMessage[]): readonly Handle[] {
  const handles: Handle[] = [];
  const add = (kind: HandleKind, value: string | undefined): void => {
    if (value !== undefined && value !== '') handles.push({ kind, value });
  };
  // Every one of them: which of two an upstream reads, nobody here can know.
  for (const value of headerValues(headers, 'mcp-session-id')) add('session', value);
  for (const value of headerValues(headers, 'last-event-id')) add('event', value);
  for (const { params, method } of messages) {
    add('cursor', textOf(member(params, 'cursor')));
    add('state', textOf(member(params, 'requestState')));
    if (method?.startsWith('tasks/')) add('task', textOf(member(params, 'taskId')));
  }
  return handles;
}

/** A handle that nobody was given. */
const NOBODYS = '\0';

/** What a handle is compared by: an upstream may take a number for the text of it, and what else it may take is not ours to guess. */
function textOf(node: JsonNode | undefined): string | undefined {
  if (node === undefined || (node.type === 'literal' && node.value === null)) return undefined;
  return node.type === 'string' ? node.value : node.type === 'number' ? node.lexeme : NOBODYS;
}

/** The session that an answer's headers open. */
export function handlesInHeaders(headers: RawHeaders): readonly Handle[] {
  return headerValues(headers, 'mcp-session-id').map((value) => ({ kind: 'session', value }));
}

/** Words without which a message holds no handle; looking for them is cheaper than reading every answer. */
const MARKS = ['"nextCursor"', '"requestState"', '"taskId"'];

/**
 * The handles that one message of an upstream gives to whoever gets it. Tasks only where they are the answer itself: a list, or what is
 * told of a task, may be of everybody's behind the one credential.
 */
export function handlesInAnswer(text: string, eventId: string | undefined): readonly Handle[] {
  const handles: Handle[] = eventId === undefined || eventId === '' ? [] : [{ kind: 'event', value: eventId }];
  if (!MARKS.some((mark) => text.includes(mark))) return handles;
  const root = parseJson(text);
  if (root.type === 'fault') return handles;
  for (const message of root.type === 'array' ? root.items : [root]) {
    const result = member(message, 'result');
    const body = result ?? member(message, 'params');
    const found: [HandleKind, string | undefined][] = [
      ['cursor', textOf(member(body, 'nextCursor'))],
      ['state', textOf(member(body, 'requestState'))],
      ['task', textOf(member(result, 'taskId') ?? member(member(result, 'task'), 'taskId'))],
    ];
    for (const [kind, value] of found) if (value !== undefined && value !== NOBODYS) handles.push({ kind, value });
  }
  return handles;
}

/** The protocol's own answer for a method that the server does not know. Source: MCP 2026-07-28, Streamable HTTP (404); JSON-RPC 2.0. */
export function answerNoSuchMethod(idLexeme: string | undefined, era: 'legacy' | 'modern'): LocalAnswer {
  const body = `{"jsonrpc":"2.0","id":${idLexeme ?? 'null'},"error":{"code":${rpcCodes.methodNotFound},"message":"Method not found"}}`;
  return { status: era === 'modern' ? 404 : 200, headers: ['Content-Type', 'application/json'], body };
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
