// A process that has one payload made by a thread, and then nothing more to do.
import { systemRandom } from '../../src/base/random.ts';
import { compileMasker } from '../../src/mask/compile.ts';
import { withPayload } from '../../src/transport/payloads.ts';

const masker = compileMasker({ detectors: [], fields: [] });
const waiting = setInterval(() => undefined, 1_000);
const { prepared } = await withPayload(
  { kind: 'message', wallMs: 1, monoUs: 1, wireBytes: 0 },
  { masker, text: 'x'.repeat(50_000), request: { form: 'text', scope: 'mcp', target: 'record' } },
  systemRandom,
);
clearInterval(waiting);
console.log(prepared === undefined ? 'made here' : 'made by a thread');
