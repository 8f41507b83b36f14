// Hands large payloads to threads, so that masking, hashing and compressing one does not hold up all other calls of the process. A thread
// is started when there is work for it and ends after a while without; where none can be, the work is done here.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { limits } from '../base/limits.ts';
import type { RandomBytes } from '../base/random.ts';
import { saltBytes } from '../evidence/commitment.ts';
import type { EntryDraft, PreparedPayload } from '../evidence/entry.ts';
import type { Masker, MaskerSource, MaskRequest } from '../mask/masker.ts';
import { maskedBytes, maskedElsewhere } from '../mask/value.ts';
import type { LatePayload } from '../path/answer.ts';

export interface PayloadJob {
  /** Numbers the masker; what it is made of comes with the first job for it. */
  readonly masker: number;
  readonly source: MaskerSource | undefined;
  readonly text: string;
  readonly request: MaskRequest;
  readonly salt: Uint8Array;
}

export interface PayloadResult {
  readonly payload: Uint8Array;
  /** How many values were masked. */
  readonly count: number;
  readonly prepared: PreparedPayload;
}

type Reply = { readonly result: PayloadResult } | { readonly error: string };

interface Waiting {
  readonly job: Omit<PayloadJob, 'source' | 'masker'>;
  readonly masker: Masker;
  readonly resolve: (result: PayloadResult | undefined) => void;
}

/** As many as there are cores, but no more than help: each takes some ten megabytes. */
const THREADS_MAX = Math.min(4, availableParallelism());
/** Of a thread's memory, for what lives no longer than a job: Node's own measure would let each grow by fifty megabytes. */
const YOUNG_MB = 8;
/** Jobs that a thread has at once: the next one is there when it is done with one. */
const JOBS_A_THREAD = 2;

const waiting: Waiting[] = [];
const threads = new Set<Thread>();

/** The draft with its payload. Never rejects: what no thread can do is done on this one. */
export async function withPayload(draft: EntryDraft, { masker, text, request }: LatePayload, random: RandomBytes): Promise<EntryDraft> {
  const salt = random(saltBytes);
  const done = await new Promise<PayloadResult | undefined>((resolve) => {
    waiting.push({ job: { text, request, salt }, masker, resolve });
    giveOut();
  });
  if (done !== undefined) return { ...draft, ...countOf(draft, done.count), payload: maskedElsewhere(done.payload), prepared: done.prepared };
  const outcome = masker.mask(text, request);
  return { ...draft, ...countOf(draft, outcome.count), payload: maskedBytes(outcome) };
}

function countOf(draft: EntryDraft, more: number): Pick<EntryDraft, 'maskedCount'> {
  const maskedCount = (draft.maskedCount ?? 0) + more;
  return maskedCount > 0 ? { maskedCount } : {};
}

function giveOut(): void {
  while (waiting.length > 0) {
    const idlest = [...threads].filter(({ jobs }) => jobs < JOBS_A_THREAD).sort((a, b) => a.jobs - b.jobs)[0];
    const thread = idlest === undefined || (idlest.jobs > 0 && threads.size < THREADS_MAX) ? newThread(idlest) : idlest;
    const next = thread === undefined ? undefined : waiting.shift();
    if (thread === undefined || next === undefined) return;
    thread.give(next);
  }
}

function newThread(instead: Thread | undefined): Thread | undefined {
  if (threads.size >= THREADS_MAX) return instead;
  const thread = new Thread();
  threads.add(thread);
  return thread;
}

class Thread {
  readonly #worker: Worker;
  readonly #given: Waiting[] = [];
  /** Maskers that the thread knows, by their number. */
  readonly #known = new Map<Masker, number>();
  #idle: NodeJS.Timeout | undefined;

  constructor() {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'mjs';
    this.#worker = new Worker(new URL(`./payload-worker.${extension}`, import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
    this.#worker.on('message', (reply: Reply) => this.#take('result' in reply ? reply.result : undefined));
    this.#worker.on('error', () => this.#end());
    this.#worker.on('exit', () => this.#end());
    // Behind the listeners, which hold the process: work that nobody waits for is no reason to stay.
    this.#worker.unref();
  }

  get jobs(): number {
    return this.#given.length;
  }

  give(next: Waiting): void {
    clearTimeout(this.#idle);
    this.#given.push(next);
    const known = this.#known.get(next.masker);
    const masker = known ?? this.#known.size;
    if (known === undefined) this.#known.set(next.masker, masker);
    this.#worker.postMessage({ ...next.job, masker, source: known === undefined ? next.masker.source : undefined } satisfies PayloadJob);
  }

  #take(result: PayloadResult | undefined): void {
    this.#given.shift()?.resolve(result);
    giveOut();
    if (this.#given.length > 0) return;
    // A policy that is loaded again and again must not fill the thread with its maskers.
    const ms = this.#known.size > limits.maskersKeptMax ? 0 : limits.payloadThreadIdleMs;
    this.#idle = setTimeout(() => this.#end(), ms);
    this.#idle.unref();
  }

  #end(): void {
    if (!threads.delete(this)) return;
    void this.#worker.terminate();
    for (const { resolve } of this.#given.splice(0)) resolve(undefined);
    giveOut();
  }
}
