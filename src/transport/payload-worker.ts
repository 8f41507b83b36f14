// A thread that masks large payloads and does what is hard work before they are stored: their commitment and their compressed form.
import { parentPort } from 'node:worker_threads';
import { commitment } from '../evidence/commitment.ts';
import { encodePayload } from '../journal/coding.ts';
import { compileMasker } from '../mask/compile.ts';
import type { Masker } from '../mask/masker.ts';
import { maskedBytes } from '../mask/value.ts';
import type { PayloadJob, PayloadResult } from './payloads.ts';

const maskers = new Map<number, Masker>();

function work({ masker: number, source, text, request, salt }: PayloadJob): PayloadResult {
  if (source !== undefined) maskers.set(number, compileMasker(source.settings, source.options));
  const masker = maskers.get(number);
  if (masker === undefined) throw new Error('the masker was not sent before');
  const outcome = masker.mask(text, request);
  const payload = maskedBytes(outcome);
  const { coding, bytes } = encodePayload(payload);
  return { payload, count: outcome.count, prepared: { salt, commitment: commitment('payload', salt, payload), coding, bytes } };
}

parentPort?.on('message', (job: PayloadJob) => {
  try {
    const result = work(job);
    parentPort?.postMessage({ result }, movable(result));
  } catch (error) {
    parentPort?.postMessage({ error: (error as Error).message });
  }
});

// What shares its memory with something else, such as Node's pool of small buffers, is copied instead.
function movable({ payload, prepared }: PayloadResult): ArrayBuffer[] {
  const buffers = [payload, prepared.bytes].flatMap(({ byteLength, buffer }) =>
    buffer instanceof ArrayBuffer && byteLength === buffer.byteLength ? [buffer] : [],
  );
  return [...new Set(buffers)];
}
