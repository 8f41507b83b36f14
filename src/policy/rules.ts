// What rules make of a call that access gives: the rules that concern one identity on one connection, indexed. Deny beats
// hold; of several that deny, or hold, the first in the file is the one that counts; masks add up.
import { createHash } from 'node:crypto';
import type { CallMask, Decision, Denial, Hold } from './call.ts';
import type { Condition, ConditionLanguage, ConditionMoment, Outcome } from './condition.ts';
import { canonicalJson } from './hash.ts';
import type { ProjectedRule, ProjectedScope } from './projection.ts';
import { ScopeMatch, type Subject } from './scope-match.ts';
import { MethodIndex, TargetIndex } from './scopes.ts';

const ALLOW: Decision = { effect: 'allow' };

export class Rules {
  readonly #rules: readonly CompiledRule[];
  /** Rules that name tools, resources or prompts. */
  readonly #targeted = new TargetIndex();
  /** Rules that name none of them. */
  readonly #untargeted = new MethodIndex();

  /** `read` is asked where a rule has a condition. */
  constructor(rules: readonly ProjectedRule[], read: ConditionLanguage['read']) {
    this.#rules = rules.map((rule) => new CompiledRule(rule, read));
    for (const [number, rule] of rules.entries()) {
      if (rule.tools || rule.resources || rule.prompts) this.#targeted.add(rule, number);
      else this.#untargeted.add(rule.methods, number);
    }
  }

  /** What the rules say; `moment` is asked for only where a condition is to be evaluated. */
  decide(subject: Subject, moment: () => ConditionMoment): Decision {
    const numbers = this.#candidates(subject);
    if (numbers.length === 0) return ALLOW;
    let hold: CompiledRule | undefined;
    let masks: CallMask[] | undefined;
    for (const number of numbers.length === 1 ? numbers : [...new Set(numbers)].sort((a, b) => a - b)) {
      const rule = this.#rules[number];
      const outcome = rule?.matches(subject, moment) ?? false;
      if (rule === undefined || outcome === false) continue;
      if (outcome !== true) return rule.fault(outcome.fault);
      if (rule.rule.effect === 'deny') return rule.denial();
      if (rule.rule.effect === 'hold') hold ??= rule;
      else {
        masks ??= [];
        masks.push({ rule: rule.rule.id, ...rule.rule.mask });
      }
    }
    const added = masks === undefined ? undefined : { masks };
    if (hold !== undefined) return { ...hold.hold(), ...added };
    return added === undefined ? ALLOW : { effect: 'allow', ...added };
  }

  #candidates({ call, target }: Subject): number[] {
    const numbers: number[] = [];
    const note = (number: number): boolean => {
      numbers.push(number);
      return false;
    };
    // What comes with the connection is taken away only by a rule that says so: a rule about a group as a whole must leave
    // it able to list what it has, or its clients would fail without a reason.
    if (target.kind === 'none' && target.free) this.#untargeted.someListed(call.method, note);
    else this.#untargeted.some(call.method, note);
    if (target.kind === 'tool' || target.kind === 'resource' || target.kind === 'prompt') {
      if (target.as !== call.method) this.#untargeted.someListed(target.as, note);
      for (const name of target.names) this.#targeted.some(target.kind, name, note);
    }
    return numbers;
  }
}

class CompiledRule {
  readonly rule: ProjectedRule;
  readonly #lists: ScopeMatch;
  readonly #when: LazyCondition | undefined;
  readonly #except: readonly { readonly lists: ScopeMatch; readonly when: LazyCondition | undefined }[];
  #digest: Uint8Array | undefined;

  constructor(rule: ProjectedRule, read: ConditionLanguage['read']) {
    this.rule = rule;
    this.#lists = new ScopeMatch(rule);
    this.#when = conditionOf(rule, read);
    this.#except = (rule.except ?? []).map((scope) => ({ lists: new ScopeMatch(scope), when: conditionOf(scope, read) }));
  }

  /** Whether the rule is about the call, beyond what its index said. */
  matches(subject: Subject, moment: () => ConditionMoment): Outcome {
    if (!this.#lists.rest(subject, 'any')) return false;
    for (const { lists, when } of this.#except) {
      if (!lists.all(subject, 'every')) continue;
      const exempt = when === undefined ? true : when.holds(moment());
      if (exempt !== false) return exempt === true ? false : exempt;
    }
    return this.#when === undefined ? true : this.#when.holds(moment());
  }

  denial(): Denial {
    return { effect: 'deny', rule: this.rule.id, reason: this.rule.message ?? `denied by rule ${this.rule.id}`, hidden: false };
  }

  fault(why: string): Denial {
    const reason = `the condition of rule ${this.rule.id} cannot be evaluated (${why})`;
    return {
      effect: 'deny',
      rule: this.rule.id,
      reason: this.rule.message === undefined ? reason : `${this.rule.message.replace(/\.$/, '')}; ${reason}`,
      hidden: false,
    };
  }

  hold(): Hold {
    const { rule } = this;
    if (rule.effect !== 'hold') throw new Error('the rule holds nothing');
    this.#digest ??= createHash('sha256').update(canonicalJson(rule)).digest();
    return { effect: 'hold', rule: rule.id, ruleDigest: this.#digest, reason: rule.message ?? `held by rule ${rule.id}`, ...rule.hold };
  }
}

/** Compiled when first evaluated: a session may never come to most of its rules. */
class LazyCondition {
  readonly #text: string;
  readonly #read: ConditionLanguage['read'];
  #condition: Condition | undefined;

  constructor(text: string, read: ConditionLanguage['read']) {
    this.#text = text;
    this.#read = read;
  }

  holds(moment: ConditionMoment): Outcome {
    if (this.#condition === undefined) {
      const read = this.#read(this.#text);
      if (read.kind === 'fault') return { fault: read.finding.message };
      this.#condition = read.condition;
    }
    return this.#condition.holds(moment);
  }
}

function conditionOf({ when }: ProjectedScope, read: ConditionLanguage['read']): LazyCondition | undefined {
  return when === undefined ? undefined : new LazyCondition(when, read);
}
