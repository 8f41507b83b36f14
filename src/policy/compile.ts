// Compiles policy for one identity on one connection. The gateway and the forwarder both come through the projection, so
// that they cannot decide differently.
import type { ConnectionKind } from '../base/connection.ts';
import type { Call, Decision, Overspent, Policy } from './call.ts';
import type { ConditionLanguage, ConditionMoment } from './condition.ts';
import type { PolicyContext } from './context.ts';
import { type Budget, Granted } from './granted.ts';
import { metricNamesOf } from './metric-names.ts';
import type { Projection } from './projection.ts';
import { Rules } from './rules.ts';
import type { Subject } from './scope-match.ts';
import { httpTarget, intakeTarget, mcpTarget, type Target, type TargetKind } from './target.ts';
import { type ServerRequestKind, serverRequestKinds } from './words.ts';

/** Counts calls against budgets. The gateway's; without one, nothing is counted. */
export interface Ledger {
  /** Takes one call off the first of `budgets` that has one left; says when one will where none has. */
  spend(budgets: readonly Budget[]): Overspent | undefined;
}

export interface PolicyParts {
  readonly conditions: ConditionLanguage;
  readonly ledger?: Ledger | undefined;
}

/** Policy from the part of it that a gateway signed for this identity and connection. */
export function compileProjection(projection: Projection, context: PolicyContext, { conditions, ledger }: PolicyParts): Policy {
  const { connection } = projection;
  const granted = new Granted({ ...connection, access: projection.access });
  const read = targetsOf[connection.kind];
  // Where no name could be kept from anybody, one that cannot be read is the upstream's to refuse, in the words of its revision.
  const anyName = granted.showsAll && projection.rules.every(({ resources, prompts }) => !resources && !prompts);
  return new CompiledPolicy(projection, {
    granted,
    rules: new Rules(projection.rules, conditions.read),
    targetOf: (call) => {
      const target = read(call);
      return anyName && target.kind === 'unclear' ? NAMELESS : target;
    },
    context,
    variables: conditions.variables,
    ledger,
  });
}

interface Parts {
  readonly granted: Granted;
  readonly rules: Rules;
  readonly targetOf: (call: Call) => Target;
  readonly context: PolicyContext;
  readonly variables: ConditionLanguage['variables'];
  readonly ledger: Ledger | undefined;
}

const targetsOf = { mcp: mcpTarget, 'datadog-intake': intakeTarget, http: httpTarget } as const satisfies Record<ConnectionKind, (call: Call) => Target>;
const NAMELESS: Target = { kind: 'none', free: false };
/** What a listed thing is there for: whoever may not do that need not see it. */
const listedFor = { tool: 'tools/call', resource: 'resources/read', prompt: 'prompts/get' } as const satisfies Record<TargetKind, string>;

class CompiledPolicy implements Policy {
  readonly hash: Uint8Array;
  readonly serverRequests: ReadonlySet<ServerRequestKind>;
  readonly #projection: Projection;
  readonly #parts: Parts;
  readonly #variables: () => Omit<ConditionMoment, 'call' | 'nowMs'>;

  constructor(projection: Projection, parts: Parts) {
    this.hash = Buffer.from(projection.policyHash, 'hex');
    this.#projection = projection;
    this.#parts = parts;
    this.serverRequests = new Set(projection.access.flatMap(({ serverRequests }) => serverRequests ?? serverRequestKinds));
    let variables: Omit<ConditionMoment, 'call' | 'nowMs'> | undefined;
    this.#variables = () => {
      variables ??= parts.variables(parts.context, projection.connection);
      return variables;
    };
  }

  get showsAll(): boolean {
    return this.#parts.granted.showsAll;
  }

  // Access first: what it does not grant must answer as unknown, even where a rule would have a word to say.
  decide(call: Call): Decision {
    const subject = this.#subjectOf(call);
    const { context, rules } = this.#parts;
    const nowMs = context.nowMs();
    const refusal = this.#refusalOf(subject, nowMs);
    return refusal ?? rules.decide(subject, () => ({ ...this.#variables(), call, nowMs }));
  }

  spend(call: Call): Overspent | undefined {
    const { ledger, granted, context } = this.#parts;
    if (ledger === undefined || !granted.counts) return undefined;
    const subject = this.#subjectOf(call);
    const grants = this.#grantsOf(subject, context.nowMs());
    for (const grant of grants) {
      const overspent = grant.kind === 'granted' && grant.budgets.length > 0 ? ledger.spend(grant.budgets) : undefined;
      if (overspent !== undefined) return overspent;
    }
    return undefined;
  }

  metricsOf(call: Call): readonly string[] {
    if (call.method !== 'tools/call') return [];
    const found = metricNamesOf(call, this.#projection.connection);
    return found.kind === 'named' ? found.names : [];
  }

  shows(what: TargetKind, name: string): boolean {
    return this.#parts.granted.target(what, name, listedFor[what]).kind === 'granted';
  }

  #subjectOf(call: Call): Subject {
    let names: ReturnType<typeof metricNamesOf> | undefined;
    const namesOf = () => {
      names ??= metricNamesOf(call, this.#projection.connection);
      return names;
    };
    return { call, target: this.#parts.targetOf(call), names: namesOf };
  }

  #refusalOf(subject: Subject, nowMs: number): Decision | undefined {
    if (subject.target.kind === 'unclear') return { effect: 'deny', rule: 'access', reason: subject.target.reason, hidden: false };
    for (const grant of this.#grantsOf(subject, nowMs)) {
      if (grant.kind === 'refused') return { effect: 'deny', rule: 'access', reason: grant.reason, hidden: grant.hidden };
    }
    return undefined;
  }

  #grantsOf(subject: Subject, nowMs: number) {
    const { target } = subject;
    const { granted } = this.#parts;
    if (target.kind === 'none') return target.free ? [] : [granted.method(subject, nowMs)];
    if (target.kind === 'unclear') return [];
    const { kind, as } = target;
    return target.names.map((name) => granted.target(kind, name, as, subject, nowMs));
  }
}
