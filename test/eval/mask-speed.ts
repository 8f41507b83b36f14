// How fast masking is on one thread, in MB of UTF-8 per second of CPU time, and how that compares to JSON.parse + JSON.stringify of
// the same texts in the same run. CPU time, because other work on the machine must not show.
import { detectorsDefault } from '../../src/base/detectors.ts';
import { compileMasker } from '../../src/mask/compile.ts';
import type { MaskRequest } from '../../src/mask/masker.ts';
import { seeded } from './random.ts';
import { atLeast, type Measure, print } from './report.ts';
import { cleanAnswer, cleanLines } from './telemetry.ts';

const args = process.argv.slice(2);
const ROUNDS = args.includes('--quick') ? 3 : 7;
const ROUND_MS = args.includes('--quick') ? 250 : 600;

/** MB per second of CPU: the median of several rounds after one that warms up. */
function speed(texts: readonly string[], run: (text: string) => unknown): number {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    const start = performance.now();
    let times = 0;
    while (performance.now() - start < ROUND_MS) {
      for (const text of texts) run(text);
      times++;
    }
    const spent = process.cpuUsage(before);
    if (round > 0) rounds.push((bytes * times) / (spent.user + spent.system));
  }
  return rounds.sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? 0;
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
