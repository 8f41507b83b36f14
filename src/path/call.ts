// decode: from a message of the wire to the call that policy decides on and the names that are recorded.
import { member, stringMember } from '../base/json.ts';
import type { Names } from '../evidence/entry.ts';
import type { Call } from '../policy/call.ts';
import type { ClientMessage } from '../protocol/message.ts';

/** The call that a message of a client makes. */
export function callOf(message: ClientMessage): Call {
  const method = message.method ?? 'response';
  const oneWay = message.kind !== 'request';
  const { params } = message;
  if (method === 'tools/call') {
    const tool = stringMember(params, 'name');
    const args = member(params, 'arguments');
    return { method, oneWay, ...(tool !== undefined && { tool }), ...(args !== undefined && { args }) };
  }
  if (method === 'prompts/get') {
    const prompt = stringMember(params, 'name');
    const args = member(params, 'arguments');
    return { method, oneWay, ...(prompt !== undefined && { prompt }), ...(args !== undefined && { args }) };
  }
  const uri = method.startsWith('resources/') ? stringMember(params, 'uri') : undefined;
  return { method, oneWay, ...(uri !== undefined && { uri }), ...(params !== undefined && { args: params }) };
}

/** The names of a call, as they are recorded (unmasked still); `metrics`: those that its queries name. */
export function namesOf(call: Call, headers: Readonly<Record<string, string>>, metrics: readonly string[]): Names {
  return {
    method: call.method,
    ...(call.tool !== undefined && { tool: call.tool }),
    ...(call.uri !== undefined && { uri: call.uri }),
    ...(call.prompt !== undefined && { prompt: call.prompt }),
    headers,
    ...(metrics.length > 0 && { metrics: Object.fromEntries(metrics.map((metric) => [metric, 1])) }),
  };
}
