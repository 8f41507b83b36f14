// Reads a session's entries as the exchanges they tell of, and paces them for a replay.

/** What is needed of a stored entry; `StoredEntry` of evidence/seal.ts is one. */
export interface TimelineEntry {
  readonly index: number;
  readonly leaf: {
    readonly kind: string;
    readonly wallMs: number;
    readonly monoUs: number;
    readonly exchange?: string | undefined;
    readonly parent?: string | undefined;
    readonly direction?: 'up' | 'down' | undefined;
    readonly message?: string | undefined;
    readonly final: boolean;
    readonly status?: number | undefined;
    readonly failed: boolean;
    readonly decision?: { readonly effect: string; readonly rule?: string } | undefined;
    readonly maskedCount: number;
    readonly wireBytes: number;
  };
  readonly names?: { readonly method?: string; readonly tool?: string; readonly uri?: string; readonly note?: string };
}

/**
 * How an exchange ended. `denied`: by policy; `refused`: by mcprec itself (not decodable, a foreign handle, a grant that had ended);
 * `failed`: the answer says so, or there was none; `aborted`: the client or the session went away before it ended; `held`: it waits for a human, or waited in vain; `pending`: still open.
 */
export type Outcome = 'ok' | 'failed' | 'denied' | 'refused' | 'aborted' | 'held' | 'pending';

export interface Exchange<E extends TimelineEntry> {
  readonly exchange: string;
  /** The exchange that this one continues or retries. */
  readonly parent?: string;
  readonly startedMs: number;
  /** To its last entry, by monotonic time; undefined while it is pending. */
  readonly durationMs?: number;
  readonly method?: string;
  readonly tool?: string;
  readonly uri?: string;
  readonly status?: number;
  readonly outcome: Outcome;
  /** The rule that denied or refused. */
  readonly rule?: string;
  readonly maskedCount: number;
  /** Bytes on the wire, both ways. */
  readonly wireBytes: number;
  /** What the client sent; undefined where a log was cut before it. */
  readonly request?: E;
  /** Everything else, in order: answers, progress, what the client sent later, the end. */
  readonly answers: readonly E[];
}

/** The exchanges of one session's entries (in order, payloads not needed), in the order in which they began. */
export function readExchanges<E extends TimelineEntry>(entries: readonly E[]): Exchange<E>[] {
  const groups = new Map<string, E[]>();
  let ended = false;
  for (const entry of entries) {
    const { exchange: own, parent, direction, kind } = entry.leaf;
    if (kind === 'close' || kind === 'crashed') ended = true;
    if (own === undefined) continue;
    // An answer on a stream that was taken up again belongs to the call that it answers.
    const exchange = direction === 'down' && parent !== undefined && groups.has(parent) ? parent : own;
    const group = groups.get(exchange);
    if (group) group.push(entry);
    else groups.set(exchange, [entry]);
  }
  return [...groups].map(([exchange, group]) => readExchange(exchange, group, ended));
}

function readExchange<E extends TimelineEntry>(exchange: string, group: readonly E[], sessionEnded: boolean): Exchange<E> {
  const [first] = group;
  const last = group.at(-1);
  if (first === undefined || last === undefined) return { exchange, startedMs: 0, outcome: 'pending', maskedCount: 0, wireBytes: 0, answers: [] };
  const request = first.leaf.direction === 'up' ? first : undefined;
  const outcome = outcomeOf(group, sessionEnded);
  const status = group.findLast((entry) => entry.leaf.status !== undefined)?.leaf.status;
  const rule = denialOf(group)?.leaf.decision?.rule;
  const { method, tool, uri } = first.names ?? {};
  return {
    exchange,
    startedMs: first.leaf.wallMs,
    outcome,
    maskedCount: sum(group, 'maskedCount'),
    wireBytes: sum(group, 'wireBytes'),
    answers: request === undefined ? group : group.slice(1),
    ...(outcome !== 'pending' && { durationMs: Math.max(0, last.leaf.monoUs - first.leaf.monoUs) / 1000 }),
    ...(request !== undefined && { request }),
    ...(first.leaf.parent !== undefined && { parent: first.leaf.parent }),
    ...(method !== undefined && { method }),
    ...(tool !== undefined && { tool }),
    ...(uri !== undefined && { uri }),
    ...(status !== undefined && { status }),
    ...(rule !== undefined && { rule }),
  };
}

function outcomeOf(group: readonly TimelineEntry[], sessionEnded: boolean): Outcome {
  const denial = denialOf(group);
  // What policy judged was decoded; what was refused before that was not, and stands as opaque.
  if (denial !== undefined) return denial.leaf.message === 'opaque' ? 'refused' : 'denied';
  const resumed = group.find(({ leaf }) => leaf.direction === 'down' && leaf.parent !== undefined);
  if (resumed !== undefined) return resumed.leaf.failed ? 'failed' : 'ok';
  const final = group.findLast((entry) => entry.leaf.final);
  if (final === undefined) return sessionEnded ? 'aborted' : group.some(({ leaf }) => leaf.decision?.effect === 'hold') ? 'held' : 'pending';
  const note = final.names?.note;
  if (final.leaf.message === 'end' && note?.startsWith('held:')) return 'held';
  if (final.leaf.message === 'end' && note === 'client_gone') return 'aborted';
  if (final.leaf.message === 'end' && note?.startsWith('refused:')) return 'refused';
  return group.some((entry) => entry.leaf.failed) ? 'failed' : 'ok';
}

function denialOf<E extends TimelineEntry>(group: readonly E[]): E | undefined {
  return group.find((entry) => entry.leaf.decision?.effect === 'deny');
}

function sum(group: readonly TimelineEntry[], field: 'maskedCount' | 'wireBytes'): number {
  return group.reduce((total, entry) => total + entry.leaf[field], 0);
}

/** `speed` 1 is the recorded pace, 2 twice as fast; no pause is longer than `pauseMsMax`. */
export interface Pace {
  readonly speed: number;
  readonly pauseMsMax: number;
}

/** How long to wait before showing each entry, in milliseconds; as long as `entries`, beginning with 0. */
export function pace(entries: readonly TimelineEntry[], { speed, pauseMsMax }: Pace): number[] {
  return entries.map((entry, i) => {
    const before = entries[i - 1];
    // Another process wrote it: its monotonic time has nothing to do with the one before.
    if (before === undefined || entry.leaf.kind === 'crashed' || entry.leaf.kind === 'gap') return 0;
    return Math.min(Math.max(0, entry.leaf.monoUs - before.leaf.monoUs) / 1000 / speed, pauseMsMax);
  });
}
