// How long a laptop keeps contents: from the flags of `sessions prune`, or from the environment for every `connect` and `exec`.
import { McprecError } from '../base/errors.ts';
import { parseSize } from '../base/size.ts';
import type { Retention } from '../journal/pruner.ts';
import { parseDuration } from '../policy/duration.ts';

/** A value with the name that it was given under. */
type Named = readonly [name: string, text: string | undefined];

/** Undefined where neither is given. Throws `usage`. */
export function readRetention({ keep, maxSize }: { readonly keep: Named; readonly maxSize: Named }): Retention | undefined {
  const keepMs = read(keep, parseDuration, 'duration such as 30d');
  const bytesMax = read(maxSize, parseSize, 'size such as 500MB');
  return keepMs === undefined && bytesMax === undefined ? undefined : { keepMs, bytesMax };
}

/** `MCPREC_KEEP` and `MCPREC_MAX_SIZE`. Throws `usage`. */
export function retentionOf(env: Readonly<Record<string, string | undefined>>): Retention | undefined {
  return readRetention({ keep: ['MCPREC_KEEP', env.MCPREC_KEEP || undefined], maxSize: ['MCPREC_MAX_SIZE', env.MCPREC_MAX_SIZE || undefined] });
}

function read([name, text]: Named, parse: (text: string) => number | undefined, kind: string): number | undefined {
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value === undefined)
    throw new McprecError('usage', `${name} ${text} is no ${kind}`, name.startsWith('--') ? {} : { remedy: `give ${name} such a one, or unset it` });
  return value;
}
