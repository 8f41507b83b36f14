// Measures several places in turns: each round visits all of them, so that their ratio within a round is one of neighbours in time.
import type { LoadKind, LoadOrder, LoadReport } from './load.ts';
import type { Place } from './side.ts';
import type { Stage, Target } from './stage.ts';

/** The run could not find out what it is for. */
export class CouldNotMeasure extends Error {}

export type Figures = Pick<LoadReport, 'perSecond' | 'p50' | 'p99'>;
type What = Pick<LoadOrder, 'kind' | 'connections' | 'pace'>;

/** What came of one case: for each place its figures, a round each. */
export class Rows {
  readonly #rows: ReadonlyMap<Place, readonly LoadReport[]>;

  constructor(rows: ReadonlyMap<Place, readonly LoadReport[]>) {
    this.#rows = rows;
  }

  /** The median over the rounds of how many times `b` `a` is. */
  ratio(a: Place, b: Place, figure: (one: Figures) => number): number {
    const others = this.#rows.get(b) ?? [];
    return median((this.#rows.get(a) ?? []).map((one, round) => figure(one) / figure(others[round] as LoadReport)));
  }

  table(name: string): string {
    const line = ([place, rounds]: [Place, readonly LoadReport[]]): string => {
      const of = (figure: (one: LoadReport) => number, digits: number): string => median(rounds.map(figure)).toFixed(digits).padStart(9);
      return `  ${placeNames[place].padEnd(24)}${of((one) => one.perSecond, 0)}/s  p50${of((one) => one.p50, 2)} ms  p99${of((one) => one.p99, 2)} ms`;
    };
    return [name, ...[...this.#rows].map(line)].join('\n');
  }
}

export const placeNames: Readonly<Record<Place, string>> = {
  direct: 'direct',
  hop: 'bare hop',
  hops: 'two bare hops',
  on: 'forwarder',
  off: 'forwarder, masking off',
  normal: 'forwarder, NORMAL',
  behind: 'forwarder + gateway',
};

/** The more code a place runs, the longer it takes until that is compiled. */
const WARM_MS: Readonly<Record<Place, number>> = { direct: 100, hop: 300, hops: 300, on: 1_200, off: 600, normal: 1_200, behind: 1_500 };

export class Rounds {
  readonly quick: boolean;
  readonly #stage: Stage;
  readonly #places: Readonly<Record<Place, Target>>;
  readonly #say: (text: string) => void;
  /** Ids of the calls that were answered, by place. */
  readonly answered = new Map<Place, { readonly kind: LoadKind; readonly firstId: number; readonly endId: number }[]>();

  constructor(stage: Stage, places: Readonly<Record<Place, Target>>, quick: boolean, say: (text: string) => void) {
    this.#stage = stage;
    this.#places = places;
    this.quick = quick;
    this.#say = say;
  }

  /** Until the code that is hot has been compiled. */
  async warmUp(): Promise<void> {
    for (const place of Object.keys(this.#places) as Place[]) await this.load(place, { kind: '1k', connections: 16 }, this.quick ? WARM_MS[place] : 5_000);
    // Large payloads have threads and code of their own.
    for (const place of ['on', 'off'] as const) await this.load(place, { kind: '64k', connections: 16 }, this.quick ? 600 : 5_000);
  }

  /** Measures a case at each place, and prints it. */
  async measure(name: string, places: readonly Place[], what: What): Promise<Rows> {
    const rows = new Map<Place, LoadReport[]>(places.map((place) => [place, []]));
    const rounds = this.quick ? 3 : 7;
    const ms = this.quick ? 200 : 1_000;
    for (let round = 0; round < rounds; round++) {
      // The order turns, so that nobody always follows the same.
      const order = places.map((_, i) => places[(i + round) % places.length] as Place);
      for (const place of order) rows.get(place)?.push(await this.load(place, what, ms));
    }
    const result = new Rows(rows);
    this.#say(result.table(name));
    return result;
  }

  /** Sends load to one place. Throws where a call failed: a ratio over errors would say nothing. */
  async load(place: Place, what: What, ms: number): Promise<LoadReport> {
    const report = await this.#stage.load(this.#places[place], { ...what, ms });
    const [failed] = report.failed;
    if (failed !== undefined) throw new CouldNotMeasure(`${report.failed.length} calls failed at ${placeNames[place]}: ${failed.why.slice(0, 300)}`);
    const before = this.answered.get(place) ?? [];
    this.answered.set(place, [...before, { kind: what.kind, firstId: report.firstId, endId: report.endId }]);
    return report;
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
