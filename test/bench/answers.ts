// What the upstream of the bench answers: telemetry as Datadog-shaped servers give it, most of it clean, some with an e-mail in it.
import { seeded } from '../eval/random.ts';
import { cleanAnswer } from '../eval/telemetry.ts';

export type AnswerSize = '1k' | '64k' | '1m';

/** Ten digits stand for the id of a call, so that all answers to it are as long. */
export const ID_PLACE = '0000000000';

const shapes = { '1k': { bytes: 1024, texts: 256 }, '64k': { bytes: 65_536, texts: 48 }, '1m': { bytes: 1 << 20, texts: 6 } } as const;
/** One answer of so many holds values that are masked. */
const DIRTY_EVERY = 4;

/** Different answers of about that size, the same in every run. */
export function answerTexts(size: AnswerSize): readonly string[] {
  const r = seeded(11);
  const { bytes, texts } = shapes[size];
  return Array.from({ length: texts }, (_, i) => {
    const text = cleanAnswer(r, bytes).replace(/"id":\d+/, `"id":${ID_PLACE}`);
    return i % DIRTY_EVERY === 0 ? withMails(text, 3) : text;
  });
}

function withMails(text: string, count: number): string {
  let left = count;
  return text.replace(/orders\//g, (path) => (left-- > 0 ? `mail/${r(left)}@example.com/` : path));
}

function r(n: number): string {
  return ['ada.king', 'b.okoro', 'chen'][n] ?? 'someone';
}
