// How fast masking is on one thread, in MB of UTF-8 per second, and how that compares to JSON.parse + JSON.stringify of the same texts
// in the same run.
import { detectorsDefault } from '../../src/base/detectors.ts';
import { compileMasker } from '../../src/mask/compile.ts';
import type { MaskRequest } from '../../src/mask/masker.ts';
import { seeded } from './random.ts';
import { atLeast, type Measure, print } from './report.ts';
import { cleanAnswer, cleanLines } from './telemetry.ts';

const args = process.argv.slice(2);
const SPEND_MS = args.includes('--quick') ? 1_500 : 5_000;

/** MB per second: each text's least time over many rounds, so that other work on the machine does not show. */
function speed(texts: readonly string[], run: (text: string) => unknown): number {
  const least = texts.map(() => Number.POSITIVE_INFINITY);
  const until = performance.now() + SPEND_MS;
  while (performance.now() < until) {
    texts.forEach((text, i) => {
      const start = performance.now();
      run(text);
      least[i] = Math.min(least[i] ?? 0, performance.now() - start);
    });
  }
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes / 1000 / least.reduce((sum, ms) => sum + ms, 0);
}

const masker = compileMasker({ detectors: detectorsDefault, fields: [] });
const mcp: MaskRequest = { form: 'json', scope: 'mcp', target: 'record' };
const plain: MaskRequest = { form: 'text', scope: 'free', target: 'record' };
const r = seeded(7);
const answers = (bytes: number, count: number): string[] => Array.from({ length: count }, () => cleanAnswer(r, bytes));
const clean64 = answers(65_536, 12);
const dirty64 = clean64.map((text) => text.replaceAll('orders/', 'mail/someone@example.com/'));
const lines64 = Array.from({ length: 8 }, () => cleanLines(r, 65_536));

const measures: Measure[] = [];
const roundTrip = speed(clean64, (text) => JSON.stringify(JSON.parse(text)));
const clean = speed(clean64, (text) => masker.mask(text, mcp));
measures.push(atLeast('clean 64 KB answers, all default detectors', clean, 'MB/s', 80));
measures.push(atLeast('  against JSON.parse + JSON.stringify', clean / roundTrip, 'x', 0.5));
measures.push(
  atLeast(
    'clean 1 KB answers',
    speed(answers(1024, 200), (text) => masker.mask(text, mcp)),
    'MB/s',
    40,
  ),
);
measures.push(
  atLeast(
    'clean 1 MB answers',
    speed(answers(1 << 20, 2), (text) => masker.mask(text, mcp)),
    'MB/s',
    80,
  ),
);
measures.push(
  atLeast(
    'clean log lines',
    speed(lines64, (text) => masker.mask(text, plain)),
    'MB/s',
    60,
  ),
);
measures.push(
  atLeast(
    '64 KB answers with an e-mail in many items',
    speed(dirty64, (text) => masker.mask(text, mcp)),
    'MB/s',
    20,
  ),
);
print(measures, args);
