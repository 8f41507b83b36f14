// A session's recording as it is read from the journal: page by page, so that a long one never blocks, and on while it still grows.
import type { LogId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { Names } from '../evidence/entry.ts';
import type { Leaf } from '../evidence/leaf.ts';
import { Frontier, leafHash } from '../evidence/merkle.ts';
import { type Opening, readOpening } from '../evidence/opening.ts';
import type { StoredEntry } from '../evidence/seal.ts';
import type { Journal } from '../journal/journal.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { type Exchange, readExchanges, type TimelineEntry } from '../replay/timeline.ts';

/** What is kept in memory of an entry: a long session has hundreds of thousands. */
export interface OutlineEntry extends TimelineEntry {
  readonly leaf: Pick<
    Leaf,
    'kind' | 'wallMs' | 'monoUs' | 'exchange' | 'parent' | 'direction' | 'message' | 'final' | 'status' | 'failed' | 'decision' | 'maskedCount' | 'wireBytes'
  >;
  /** Its names were taken out, by an erasure or by age. */
  readonly erased: boolean;
}

export type RecordedExchange = Exchange<OutlineEntry>;

/** The opening's payload: what every opening states, and what else its writer put in. */
export interface OpeningFacts {
  readonly stated: Opening;
  readonly reason?: string;
  readonly upstream?: string;
  readonly device?: string;
}

export class Recording {
  readonly #journal: Journal;
  readonly #logId: LogId;
  readonly #frontier = new Frontier();
  readonly #entries: OutlineEntry[] = [];
  readonly #events: OutlineEntry[] = [];
  readonly #groups = new Map<string, OutlineEntry[]>();
  readonly #at = new Map<string, number>();
  #exchanges: RecordedExchange[] = [];
  #end: OutlineEntry | undefined;

  constructor(journal: Journal, session: Pick<SessionSummary, 'logId'>) {
    this.#journal = journal;
    this.#logId = session.logId;
  }

  /** Every entry read so far, in order. Grows in place. */
  get entries(): readonly OutlineEntry[] {
    return this.#entries;
  }

  /** The exchanges read so far, in the order in which they began. A new array after every page that brought something. */
  get exchanges(): readonly RecordedExchange[] {
    return this.#exchanges;
  }

  /** The exchange with that id, as far as it has been read. */
  exchange(id: string): RecordedExchange | undefined {
    const at = this.#at.get(id);
    return at === undefined ? undefined : this.#exchanges[at];
  }

  /** What happened to the session itself, its opening aside. Grows in place. */
  get events(): readonly OutlineEntry[] {
    return this.#events;
  }

  /** True where the last entry of the log has been read. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** RFC 6962 root over the entries read so far, 32 bytes. */
  get root(): Uint8Array {
    return this.#frontier.root();
  }

  /** Reads the next page; the number of entries that it brought, 0 at the end. Throws what `Journal.outline` throws. */
  readPage(): number {
    const page = this.#journal.outline(this.#logId, this.#entries.length, limits.readEntriesMax);
    const touched = new Set<string>();
    for (const stored of page) this.#take(stored, touched);
    if (page.length > 0) this.#regroup(touched);
    return page.length;
  }

  /** Reads all that is there. */
  readAll(): void {
    while (this.readPage() > 0);
  }

  #take(stored: StoredEntry, touched: Set<string>): void {
    this.#frontier.append(leafHash(stored.leafBytes));
    const entry = outlineOf(stored);
    this.#entries.push(entry);
    const { kind, exchange } = entry.leaf;
    if (kind === 'close' || kind === 'crashed') {
      this.#end = entry;
      // The end settles what was still open.
      for (const open of this.#exchanges) if (open.outcome === 'pending') touched.add(open.exchange);
    }
    if (exchange === undefined) {
      if (kind !== 'open') this.#events.push(entry);
      return;
    }
    touched.add(exchange);
    const group = this.#groups.get(exchange);
    if (group) group.push(entry);
    else {
      this.#groups.set(exchange, [entry]);
      this.#at.set(exchange, this.#at.size);
    }
  }

  #regroup(touched: ReadonlySet<string>): void {
    const next = [...this.#exchanges];
    for (const id of touched) {
      const [read] = readExchanges([...(this.#groups.get(id) ?? []), ...(this.#end ? [this.#end] : [])]);
      const at = this.#at.get(id);
      if (read !== undefined && at !== undefined) next[at] = read;
    }
    this.#exchanges = next;
  }
}

function outlineOf({ index, leaf, names }: StoredEntry): OutlineEntry {
  const { kind, wallMs, monoUs, exchange, parent, direction, message, final, status, failed, decision, maskedCount, wireBytes } = leaf;
  return {
    index,
    leaf: { kind, wallMs, monoUs, exchange, parent, direction, message, final, status, failed, decision, maskedCount, wireBytes },
    erased: names === undefined && leaf.namesCommitment !== undefined,
    ...(names && { names: shortNames(names) }),
  };
}

function shortNames({ method, tool, uri, note }: Names): Pick<Names, 'method' | 'tool' | 'uri' | 'note'> {
  return {
    ...(method !== undefined && { method }),
    ...(tool !== undefined && { tool }),
    ...(uri !== undefined && { uri }),
    ...(note !== undefined && { note }),
  };
}

/** The entries of an exchange with payloads and names, at most `limits.shownEntriesMax` unless `all`. Throws what `Journal.entries` throws. */
export function readEntries(journal: Journal, logId: LogId, exchange: RecordedExchange, entriesMax: number = limits.shownEntriesMax): StoredEntry[] {
  const wanted = exchange.request === undefined ? exchange.answers : [exchange.request, ...exchange.answers];
  return wanted.slice(0, entriesMax).flatMap(({ index }) => journal.entries(logId, index, 1));
}

/** What a session's first entry states. Throws `leaf_invalid` where it is no opening. */
export function readFacts(journal: Journal, logId: LogId): OpeningFacts {
  const [first] = journal.entries(logId, 0, 1);
  const stated = readOpening(first?.payload);
  const { reason, upstream, device } = JSON.parse(new TextDecoder().decode(first?.payload)) as Record<string, unknown>;
  const deviceName = typeof device === 'object' && device !== null && 'name' in device ? device.name : undefined;
  return {
    stated,
    ...(typeof reason === 'string' && { reason }),
    ...(typeof upstream === 'string' && { upstream }),
    ...(typeof deviceName === 'string' && { device: deviceName }),
  };
}

/** The text of a recorded payload. */
export function payloadText(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}
