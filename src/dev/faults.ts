// Faults that a test can order for the sandbox's next answer: another status, silence, or a connection cut half-way.
import type { ServerResponse } from 'node:http';
import { z } from 'zod';

/** Names the request it waits for: a path, a JSON-RPC method, a tool; any request where it is left out. */
const on = z.string().optional();

export const faultSchema = z.discriminatedUnion('kind', [
  /** Answers with this status and body instead. */
  z.object({
    kind: z.literal('status'),
    on,
    status: z.number().int().min(200).max(599),
    body: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
  /** Never answers; the caller must give up. */
  z.object({ kind: z.literal('stall'), on }),
  /** Sends the head and that many bytes of the answer's body, then cuts the connection. */
  z.object({ kind: z.literal('cut'), on, afterBytes: z.number().int().nonnegative() }),
]);
export type Fault = z.infer<typeof faultSchema>;

/** Takes the first fault out of `faults` that waits for a request with one of these names. */
export function takeFault(faults: Fault[], names: readonly (string | undefined)[]): Fault | undefined {
  const index = faults.findIndex((fault) => fault.on === undefined || names.includes(fault.on));
  return index < 0 ? undefined : faults.splice(index, 1)[0];
}

/** Applies a fault; true where the request needs no other answer. */
export function applyFault(fault: Fault, response: ServerResponse): boolean {
  switch (fault.kind) {
    case 'status':
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return true;
    case 'stall':
      return true;
    case 'cut':
      cutAfter(response, fault.afterBytes);
      return false;
    default:
      return fault satisfies never;
  }
}

function cutAfter(response: ServerResponse, afterBytes: number): void {
  const write = response.write.bind(response) as (chunk: Uint8Array, sent: () => void) => boolean;
  let left = afterBytes;
  // Cuts when the bytes have left: a destroyed socket would drop those that wait.
  const cutWhenSent = () => {
    if (left === 0) response.destroy();
  };
  const send = (chunk: string | Uint8Array): boolean => {
    const part = Buffer.from(chunk as Uint8Array).subarray(0, left);
    left -= part.length;
    if (part.length > 0) return write(part, cutWhenSent);
    response.flushHeaders();
    cutWhenSent();
    return true;
  };
  response.write = send as ServerResponse['write'];
  response.end = ((chunk?: string | Uint8Array) => {
    if (chunk !== undefined) send(chunk);
    // The whole answer was shorter than the cut: it still ends without its end.
    if (left > 0) response.destroy();
    return response;
  }) as ServerResponse['end'];
}
