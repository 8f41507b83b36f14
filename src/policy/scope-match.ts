// Whether a call lies within a scope, list by list: for what a rule leaves alone, and for what its index does not cover.
import type { Call } from './call.ts';
import type { RuleScope } from './config.ts';
import type { GlobIndex } from './glob.ts';
import { type MetricNames, spellingsOf } from './metric-names.ts';
import { indexOf } from './scopes.ts';
import type { Target } from './target.ts';

/** One call that rules are matched against. */
export interface Subject {
  readonly call: Call;
  readonly target: Target;
  /** Worked out when first asked for. */
  readonly names: () => MetricNames;
}

/** Whether one name is enough, or all must be within; and what is said of a call whose names cannot be told. */
export type Reading = 'any' | 'every';

/** The lists of a scope, compiled. */
export class ScopeMatch {
  readonly #methods: GlobIndex | undefined;
  readonly #paths: GlobIndex | undefined;
  readonly #metrics: GlobIndex | undefined;
  readonly #targets: Readonly<Record<'tool' | 'resource' | 'prompt', GlobIndex | undefined>>;
  readonly #isTargeted: boolean;

  constructor(scope: RuleScope) {
    this.#methods = indexOf(scope.methods);
    this.#paths = indexOf(scope.paths);
    this.#metrics = indexOf(scope.metrics);
    this.#targets = { tool: indexOf(scope.tools), resource: indexOf(scope.resources), prompt: indexOf(scope.prompts) };
    this.#isTargeted = Object.values(this.#targets).some((index) => index !== undefined);
  }

  /** Whether all lists of the scope are met. */
  all(subject: Subject, reading: Reading): boolean {
    return this.#target(subject.target, reading) && this.rest(subject, reading);
  }

  /** Whether the lists that name no target are met. */
  rest({ call, target, names }: Subject, reading: Reading): boolean {
    const as = 'as' in target ? target.as : call.method;
    if (this.#methods && !this.#methods.has(call.method) && !this.#methods.has(as)) return false;
    if (this.#paths && !this.#paths.has(pathOf(call))) return false;
    return this.#metrics === undefined || this.#metricsMatch(this.#metrics, names(), reading);
  }

  #target(target: Target, reading: Reading): boolean {
    if (!this.#isTargeted) return true;
    if (!('names' in target)) return false;
    const index = this.#targets[target.kind];
    if (index === undefined) return false;
    return reading === 'any' ? target.names.some((name) => index.has(name)) : target.names.every((name) => index.has(name));
  }

  #metricsMatch(metrics: GlobIndex, found: MetricNames, reading: Reading): boolean {
    if (found.kind === 'none') return false;
    // Where the rule names tools, it is meant to hold for them. Without, every tool of which nobody said anything would fall under it.
    if (found.kind === 'undeclared') return reading === 'any' && this.#targets.tool !== undefined;
    // What cannot be told may be what the rule is about; it is never what the rule leaves alone.
    if (found.kind === 'unclear') return reading === 'any';
    const spelled = [...found.names.map(spellingsOf), ...found.titles.map((title) => [title])];
    if (reading === 'any') return spelled.some((spellings) => spellings.some((name) => metrics.has(name)));
    return spelled.length > 0 && spelled.every((spellings) => spellings.every((name) => metrics.has(name)));
  }
}

/** The path of an intake or http call; empty for any other. */
export function pathOf({ method }: Call): string {
  const blank = method.indexOf(' ');
  return blank === -1 ? '' : method.slice(blank + 1);
}
