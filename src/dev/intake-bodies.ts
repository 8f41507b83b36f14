// Reads the bodies of the intake's endpoints and says what is in them, or why they are refused.
import { z } from 'zod';

const LOG_ENTRIES_MAX = 1_000;
const LOG_ENTRY_BYTES_MAX = 1_000_000;

/** How many items a body brought, and the names in it. */
export interface IntakeItems {
  readonly items: number;
  /** Metric, check or event names; for logs their services. Each once. */
  readonly names: readonly string[];
}

type Read = (IntakeItems & { readonly body: unknown }) | { readonly fault: string };

const tags = z.array(z.string()).optional();
const seriesV1 = z.object({
  series: z.array(z.looseObject({ metric: z.string().min(1), points: z.array(z.tuple([z.coerce.number(), z.coerce.number().nullable()])), tags })),
});
const seriesV2 = z.object({
  series: z.array(z.looseObject({ metric: z.string().min(1), points: z.array(z.looseObject({ timestamp: z.number(), value: z.number() })), tags })),
});
const distributions = z.object({
  series: z.array(z.looseObject({ metric: z.string().min(1), points: z.array(z.tuple([z.number(), z.array(z.number())])), tags })),
});
const check = z.looseObject({ check: z.string().min(1), host_name: z.string(), status: z.number().int().min(0).max(3), tags });
const checks = z.union([z.array(check), check.transform((c) => [c])]);
const eventV1 = z.looseObject({ title: z.string(), text: z.string(), tags });
const eventV2 = z.looseObject({ data: z.looseObject({ type: z.literal('event'), attributes: z.looseObject({ title: z.string(), category: z.string() }) }) });
const logEntry = z.looseObject({ message: z.unknown(), service: z.string().optional() });
const logs = z.union([z.array(logEntry), logEntry.transform((l) => [l])]);

/** One reader for each kind of body: its text and content type in, its items or a fault out. */
export const readers = {
  seriesV1: (text: string): Read => readJson(text, seriesV1, (b) => b.series.map((s) => s.metric)),
  seriesV2: (text: string): Read => readJson(text, seriesV2, (b) => b.series.map((s) => s.metric)),
  distributions: (text: string): Read => readJson(text, distributions, (b) => b.series.map((s) => s.metric)),
  checks: (text: string): Read => readJson(text, checks, (b) => b.map((c) => c.check)),
  eventV1: (text: string): Read => readJson(text, eventV1, (b) => [b.title]),
  eventV2: (text: string): Read => readJson(text, eventV2, (b) => [b.data.attributes.title]),
  logs: readLogs,
};

function readLogs(text: string, contentType: string): Read {
  if (!contentType.includes('json')) {
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.length > LOG_ENTRIES_MAX ? { fault: 'Payload too big' } : { items: lines.length, names: [], body: lines };
  }
  const read = readJson(text, logs, (entries) => entries.map((l) => l.service ?? ''));
  if ('fault' in read) return read;
  const entries = read.body as readonly unknown[];
  const tooBig = entries.length > LOG_ENTRIES_MAX || entries.some((l) => JSON.stringify(l).length > LOG_ENTRY_BYTES_MAX);
  return tooBig ? { fault: 'Payload too big' } : read;
}

function readJson<T>(text: string, schema: z.ZodType<T>, names: (body: T) => readonly string[]): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: 'Payload is not in the expected format: invalid JSON' };
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { fault: `Payload is not in the expected format: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}` };
  }
  const found = names(parsed.data);
  return { items: found.length, names: [...new Set(found)].filter((name) => name !== ''), body: parsed.data };
}
