// Indexes over the scopes of many access entries or rules: which of them a call falls under, without trying each.
import type { Scope } from './config.ts';
import { GlobIndex } from './glob.ts';
import type { TargetKind } from './target.ts';

const listOf = { tool: 'tools', resource: 'resources', prompt: 'prompts' } as const satisfies Record<TargetKind, keyof Scope>;

/** Finds scopes by the name of their target. Scopes without a list for that kind of target are not in it. */
export class TargetIndex {
  readonly #byKind: Readonly<Record<TargetKind, GlobIndex>> = { tool: new GlobIndex(), resource: new GlobIndex(), prompt: new GlobIndex() };

  add(scope: Scope, number: number): void {
    for (const kind of ['tool', 'resource', 'prompt'] as const) {
      for (const pattern of scope[listOf[kind]] ?? []) this.#byKind[kind].add(pattern, number);
    }
  }

  some(kind: TargetKind, name: string, visit: (number: number) => boolean): boolean {
    return this.#byKind[kind].some(name, visit);
  }
}

/** Finds scopes by method; those without a list of methods are always found. */
export class MethodIndex {
  readonly #any: number[] = [];
  readonly #listed = new GlobIndex();

  add(methods: readonly string[] | undefined, number: number): void {
    if (methods === undefined) this.#any.push(number);
    for (const pattern of methods ?? []) this.#listed.add(pattern, number);
  }

  /** Calls `visit` for each scope that `method` falls under; ends early where it returns true. */
  some(method: string, visit: (number: number) => boolean): boolean {
    return this.#any.some(visit) || this.#listed.some(method, visit);
  }

  /** The same for those only that list `method` themselves. */
  someListed(method: string, visit: (number: number) => boolean): boolean {
    return this.#listed.some(method, visit);
  }
}

/** True where the scope says anything of that kind of target. */
export function lists(scope: Scope, kind: TargetKind): boolean {
  return scope[listOf[kind]] !== undefined;
}

/** An index over one list, or undefined where the list was left out and everything matches. */
export function indexOf(patterns: readonly string[] | undefined): GlobIndex | undefined {
  if (patterns === undefined) return undefined;
  const index = new GlobIndex();
  for (const pattern of patterns) index.add(pattern, 0);
  return index;
}
