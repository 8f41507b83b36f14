// Field rules: reads their paths, and tells which places of a JSON document they name.
import { McprecError } from '../base/errors.ts';

type Step =
  | { readonly kind: 'name'; readonly name: string; readonly anyCase: boolean }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'any' }
  | { readonly kind: 'descend' };

/** A path as steps; `$..` and a bare name begin with a descent. */
export interface FieldPath {
  readonly steps: readonly Step[];
  /** A name that every place it matches has on its way; undefined where a path has only wildcards. */
  readonly needs: string | undefined;
  /** The name itself where the path is no more than a name at any depth. */
  readonly bare: string | undefined;
}

// The same paths that the policy's schema takes.
const BARE = /^[^$]/;
const STEP = /\.\.|\.?\*|\.([^.*[\]\s]+)|\[(?:(\*)|([0-9]{1,9})|'([^']+)'|"([^"]+)")\]|([^.*[\]\s]+)/y;

/** Reads `$..password`, `$.a.b[*].c`, `$['odd name']`, or a key's name, which is anything that does not begin with `$`. Throws `config_invalid`. */
export function parseFieldPath(path: string): FieldPath {
  if (BARE.test(path)) return { steps: [{ kind: 'descend' }, { kind: 'name', name: path, anyCase: true }], needs: path, bare: path };
  const steps: Step[] = [];
  let at = path.startsWith('$') ? 1 : -1;
  while (at >= 0 && at < path.length) {
    STEP.lastIndex = at;
    const found = STEP.exec(path);
    const afterDescent = steps.at(-1)?.kind === 'descend';
    if (!found || (found[6] !== undefined && !afterDescent)) break;
    const name = found[1] ?? found[4] ?? found[5] ?? found[6];
    if (found[0] === '..') steps.push({ kind: 'descend' });
    else if (name !== undefined) steps.push({ kind: 'name', name, anyCase: false });
    else if (found[3] !== undefined) steps.push({ kind: 'index', index: Number(found[3]) });
    else steps.push({ kind: 'any' });
    at = STEP.lastIndex;
  }
  const last = steps.at(-1);
  if (at !== path.length || last === undefined || last.kind === 'descend') {
    throw new McprecError('config_invalid', `not a field path: ${path}`, { remedy: 'write $..name, $.a.b[*].c or a key name' });
  }
  const names = steps.flatMap((step) => (step.kind === 'name' ? [step.name] : []));
  const bare = steps.length === 2 && steps[0]?.kind === 'descend' && last.kind === 'name' ? last.name : undefined;
  return { steps, needs: names.at(-1), bare };
}

/** How far into its steps a path has got at some place: a set, since a descent may stop anywhere. */
export type Progress = readonly number[];

export const atRoot: Progress = [0];

/** The progress of `path` one member or item further down. `key` is the member's name or the item's index. */
export function advance(path: FieldPath, progress: Progress, key: string | number): Progress {
  const next = new Set<number>();
  for (const at of progress) {
    const step = path.steps[at];
    if (step === undefined) continue;
    if (step.kind === 'descend') {
      next.add(at);
      const target = path.steps[at + 1];
      if (target && takes(target, key)) next.add(at + 2);
    } else if (takes(step, key)) next.add(at + 1);
  }
  return [...next];
}

/** True where the place that `progress` has come to is one that the path names. */
export function isComplete(path: FieldPath, progress: Progress): boolean {
  return progress.includes(path.steps.length);
}

function takes(step: Step, key: string | number): boolean {
  switch (step.kind) {
    case 'any':
      return true;
    case 'index':
      return step.index === key;
    case 'name':
      return typeof key === 'string' && (step.name === key || (step.anyCase && step.name.toLowerCase() === key.toLowerCase()));
    case 'descend':
      return false;
  }
}
