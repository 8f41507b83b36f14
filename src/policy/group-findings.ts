// Names of groups that nobody has: certain where the configuration says which groups there are, a guess where it does not.
import { nearestWord } from '../base/suggest.ts';
import type { GatewayConfig } from './config.ts';
import type { Finding } from './phrase.ts';
import type { Path } from './position.ts';

interface NamedGroup {
  readonly path: Path;
  readonly name: string;
}

/** How many groups a message lists. */
const NAMED_MAX = 20;

/** Groups that `identity.groups` does not have, where it is given. Works on the raw value. */
export function groupFindings(raw: unknown): readonly Finding[] {
  const known = member(member(raw, 'identity'), 'groups');
  if (!Array.isArray(known)) return [];
  return groupsIn(raw).flatMap(({ path, name }): Finding[] => {
    if (known.includes(name)) return [];
    const names = known.filter((one): one is string => typeof one === 'string');
    const near = nearestWord(name, names);
    const hint = near === undefined ? `there are: ${names.slice(0, NAMED_MAX).join(', ')}${names.length > NAMED_MAX ? ' …' : ''}` : `did you mean "${near}"?`;
    return [{ path, atKey: false, message: `identity.groups has no group "${name}"; ${hint}` }];
  });
}

/** Groups that are named once, and almost like another that is given access. */
export function groupWarnings(config: GatewayConfig): readonly Finding[] {
  if (config.identity.groups !== undefined) return [];
  const given = new Set([...config.access.flatMap((entry) => entry.groups ?? []), ...config.identity.adminGroups]);
  return groupsIn({ rules: config.rules, access: config.access }).flatMap(({ path, name }): Finding[] => {
    const near = given.has(name) ? undefined : nearestWord(name, given);
    return near === undefined ? [] : [{ path, atKey: false, message: `no access entry names the group "${name}"; did you mean "${near}"?` }];
  });
}

function groupsIn(raw: unknown): readonly NamedGroup[] {
  const found: NamedGroup[] = [];
  const walk = (value: unknown, path: Path): void => {
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) walk(item, [...path, i]);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, below] of Object.entries(value)) {
        if ((key === 'groups' || key === 'approvers' || key === 'admin_groups') && Array.isArray(below)) {
          for (const [i, name] of below.entries()) if (typeof name === 'string') found.push({ path: [...path, key, i], name });
        } else walk(below, [...path, key]);
      }
    }
  };
  walk(member(raw, 'access'), ['access']);
  walk(member(raw, 'rules'), ['rules']);
  walk(member(raw, 'connections'), ['connections']);
  return found;
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
