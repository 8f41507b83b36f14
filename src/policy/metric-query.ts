// Reads Datadog's metric queries for the names in them: `avg:checkout.latency{env:prod} by {host}.rollup(sum, 60) / sum:…`,
// `top(…, 10, 'mean', 'desc')`, and a monitor's `avg(last_5m):… > 5`. What is not certain is a fault, because a name that
// was overlooked would be a name that was let through. Source: Datadog docs, "Metrics: advanced filtering", "Functions",
// "Monitors: query".
import { limits } from '../base/limits.ts';
import { isCutByIntake } from './metric-name.ts';
import type { QueryForm } from './query-arguments.ts';
import { readTagFilter, type TagFilter } from './tag-filter.ts';
import { QueryFault, TextReader } from './text-reader.ts';

/** One metric that a query reads. */
export interface QueriedMetric {
  readonly metric: string;
  /** Undefined where nothing narrows it. */
  readonly filter: TagFilter | undefined;
}

/** The metrics that a text of that form reads, at least one but for a formula; a fault says why that cannot be told. Time is linear in its length. */
export function readMetricQuery(text: string, form: QueryForm): readonly QueriedMetric[] | { readonly fault: string } {
  if (text.length > limits.metricQueryLengthMax) return { fault: `is longer than ${limits.metricQueryLengthMax} characters` };
  if (form === 'name') return isMetricName(text) ? [{ metric: text, filter: undefined }] : { fault: 'is no name of a metric' };
  if (form === 'formula') return isFormula(text) ? [] : { fault: 'is no formula over the names of queries' };
  const query = new QueryReader(text);
  try {
    if (form === 'monitor') query.monitor();
    else query.whole();
  } catch (error) {
    if (error instanceof QueryFault) return { fault: `cannot be read as a metric query: ${error.message}` };
    throw error;
  }
  return query.found.length === 0 ? { fault: 'names no metric' } : query.found;
}

const NAME = /[A-Za-z][A-Za-z0-9_.]*/y;
const NUMBER = /(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_])/y;
const STRING = /'[^'\\]*'|"[^"\\]*"/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const AGGREGATOR = /[a-z][a-z0-9_]*(?:\.[0-9]+)?(?=:)/y;
/** `count(v: v<=10):`, an aggregator with a threshold. */
const THRESHOLD = /[a-z]+\(v: ?v ?(?:<=|>=|<|>) ?-?[0-9.]+\)(?=:)/y;
const BY = /by(?=[ \t]*\{)/y;
const TAG_KEY = /[A-Za-z0-9_.@/-]+/y;
const METHOD = /\.[a-z_]+(?=\()/y;

function isMetricName(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_.]*$/.test(text) && !isCutByIntake(text);
}

// A metric of its own would have a dot in its name, or an aggregator or a scope.
function isFormula(text: string): boolean {
  return /^[A-Za-z0-9_+\-*/%().,'" \t]+$/.test(text) && !/[A-Za-z0-9_]\.[A-Za-z_]/.test(text);
}

class QueryReader {
  readonly found: QueriedMetric[] = [];
  readonly #reader: TextReader;
  #depth = 0;

  constructor(text: string) {
    this.#reader = new TextReader(text);
  }

  whole(): void {
    this.#sum();
    // A list of queries, as dashboards have them.
    while (this.#reader.eat(',')) this.#sum();
    if (!this.#reader.isDone) throw this.#reader.fault('unexpected text');
  }

  /** `avg(last_5m):query > 5`, `change(avg(last_5m),last_1h):query > 5`. */
  monitor(): void {
    const reader = this.#reader;
    reader.skipSpace();
    if (reader.take(/(?:[a-z_]+\([a-z0-9_]+\)|[a-z_]+\([a-z_]+\([a-z0-9_]+\), ?[a-z0-9_]+\)):/y) === undefined)
      throw reader.fault('expected a time window such as avg(last_5m):');
    this.#sum();
    reader.skipSpace();
    if (reader.take(/>=|<=|==|!=|>|</y) === undefined) throw reader.fault('expected a comparison');
    reader.eat('-');
    reader.skipSpace();
    if (reader.take(NUMBER) === undefined) throw reader.fault('expected a number');
    if (!reader.isDone) throw reader.fault('unexpected text');
  }

  #sum(): void {
    if (++this.#depth > limits.metricQueryDepthMax) throw this.#reader.fault('the query is nested too deep');
    do this.#factor();
    while (this.#operator());
    this.#depth--;
  }

  #operator(): boolean {
    this.#reader.skipSpace();
    return this.#reader.take(/[+\-*/]/y) !== undefined;
  }

  #factor(): void {
    const reader = this.#reader;
    while (reader.eat('-'));
    reader.skipSpace();
    if (reader.eat('(')) {
      this.#sum();
      reader.expect(')');
    } else if (reader.take(NUMBER) === undefined) this.#metricOrFunction();
    this.#methods();
  }

  #metricOrFunction(): void {
    const reader = this.#reader;
    if (reader.take(THRESHOLD) !== undefined || reader.take(AGGREGATOR) !== undefined) {
      reader.expect(':');
      this.#metric();
      return;
    }
    const start = reader.at;
    if (reader.take(WORD) !== undefined && reader.text[reader.at] === '(') {
      reader.at += 1;
      this.#arguments();
      return;
    }
    reader.at = start;
    this.#metric();
  }

  #metric(): void {
    const reader = this.#reader;
    const metric = reader.take(NAME);
    if (metric === undefined) throw reader.fault('expected the name of a metric');
    if (!isMetricName(metric)) throw reader.fault(`${JSON.stringify(metric)} is no name that Datadog stores as it is written`);
    if (!reader.eat('{')) throw reader.fault('expected { behind the name of a metric');
    this.found.push({ metric, filter: readTagFilter(reader) });
    reader.skipSpace();
    if (reader.take(BY) !== undefined) this.#groups();
  }

  #groups(): void {
    const reader = this.#reader;
    reader.expect('{');
    do {
      reader.skipSpace();
      if (reader.take(TAG_KEY) === undefined && reader.take(/\*|\$[A-Za-z0-9_.]+/y) === undefined) throw reader.fault('expected the key of a tag');
    } while (reader.eat(','));
    reader.expect('}');
  }

  /** Of a function: queries, numbers, quoted words, and `name='value'`. */
  #arguments(): void {
    const reader = this.#reader;
    if (reader.eat(')')) return;
    do {
      reader.skipSpace();
      reader.take(/[a-z_]+[ \t]*=(?!=)[ \t]*/y);
      if (reader.take(STRING) === undefined) this.#sum();
    } while (reader.eat(','));
    reader.expect(')');
  }

  /** `.rollup(sum, 60)`, `.as_count()`, `.fill(zero)`. */
  #methods(): void {
    const reader = this.#reader;
    for (;;) {
      reader.skipSpace();
      if (reader.take(METHOD) === undefined) return;
      reader.expect('(');
      if (reader.eat(')')) continue;
      do {
        reader.skipSpace();
        if (reader.take(STRING) === undefined && reader.take(/-?[0-9.]+/y) === undefined && reader.take(WORD) === undefined)
          throw reader.fault('expected an argument');
      } while (reader.eat(','));
      reader.expect(')');
    }
  }
}
