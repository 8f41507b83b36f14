// HTTP from the laptop to a gateway: no redirects, bounded bodies, faults in the words of base/errors.ts.
import { Agent } from 'undici';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** The connections to gateways. Close it with whoever opened it. */
export function openAgent(): Agent {
  return new Agent({
    connect: { timeout: limits.connectMsMax },
    headersTimeout: limits.controlMsMax,
    bodyTimeout: limits.controlMsMax,
    keepAliveTimeout: 10_000,
  });
}

/** Aborts with `signal` and after `msMax`. */
export function within(msMax: number, signal: AbortSignal | undefined): AbortSignal {
  return anySignal(AbortSignal.timeout(msMax), signal);
}

/** Aborts with the first of them. */
export function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/** All bytes of a body. Throws `gateway_failed` where there are more than `bytesMax`. */
export async function readBody(body: AsyncIterable<Uint8Array>, bytesMax: number, from: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > bytesMax) throw new McprecError('gateway_failed', `${from} answered with more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What a failed exchange with `gateway` means: `cancelled` where `signal` was aborted, else `gateway_unreachable`. */
export function exchangeFault(cause: unknown, gateway: string, signal: AbortSignal | undefined): McprecError {
  if (cause instanceof McprecError) return cause;
  if (signal?.aborted) return new McprecError('cancelled', 'stopped waiting for the gateway', { cause });
  return new McprecError('gateway_unreachable', `cannot reach the gateway ${gateway}: ${faultText(cause)}`, { cause });
}

/** A network fault in a few words. */
export function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it did not answer in time';
  const errors = error instanceof AggregateError ? error.errors : [];
  if (errors[0] instanceof Error) return errors[0].message;
  if (error.cause instanceof Error && (error.message === 'fetch failed' || error.message === '')) return faultText(error.cause);
  return error.message || error.name;
}
