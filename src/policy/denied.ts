// What rules take away: the deny rules that concern one identity on one connection, indexed. The first in the file wins.
import type { Call } from './call.ts';
import type { Scope } from './config.ts';
import type { GlobIndex } from './glob.ts';
import { normalMetricName } from './metric-name.ts';
import { indexOf, MethodIndex, TargetIndex } from './scopes.ts';
import type { Target } from './target.ts';

export interface DenyRule extends Scope {
  readonly id: string;
  readonly message?: string;
}

export class Denied {
  readonly #rules: readonly DenyRule[];
  readonly #methodsOf: readonly (GlobIndex | undefined)[];
  readonly #metricsOf: readonly (GlobIndex | undefined)[];
  /** Rules that name tools, resources or prompts. */
  readonly #targeted = new TargetIndex();
  /** Rules that name none of them. */
  readonly #untargeted = new MethodIndex();

  constructor(rules: readonly DenyRule[]) {
    this.#rules = rules;
    this.#methodsOf = rules.map((rule) => indexOf(rule.methods));
    this.#metricsOf = rules.map((rule) => indexOf(rule.metrics));
    for (const [number, rule] of rules.entries()) {
      if (rule.tools || rule.resources || rule.prompts) this.#targeted.add(rule, number);
      else this.#untargeted.add(rule.methods, number);
    }
  }

  /** The first rule that denies the call, or undefined. */
  first(call: Call, target: Target): DenyRule | undefined {
    let best = this.#rules.length;
    const consider = (number: number): boolean => {
      if (number < best && this.#metricsMatch(number, call)) best = number;
      return false;
    };
    // What comes with the connection is taken away only by a rule that says so: a rule about a group as a whole must leave
    // it able to list what it has, or its clients would fail without a reason.
    if (target.kind === 'none' && target.free) this.#untargeted.someListed(call.method, consider);
    else this.#untargeted.some(call.method, consider);
    if (target.kind === 'tool' || target.kind === 'resource' || target.kind === 'prompt') {
      for (const name of target.names) {
        this.#targeted.some(target.kind, name, (number) => {
          const methods = this.#methodsOf[number];
          return methods === undefined || methods.has(call.method) || methods.has(target.as) ? consider(number) : false;
        });
      }
    }
    return this.#rules[best];
  }

  #metricsMatch(number: number, call: Call): boolean {
    const metrics = this.#metricsOf[number];
    if (metrics === undefined) return true;
    // As written and as Datadog stores it: `_payments.total` is stored as `payments.total`.
    const hit = (name: string) => metrics.has(name) || metrics.has(normalMetricName(name));
    return Boolean(call.metrics?.some(hit) || call.checks?.some(hit));
  }
}
