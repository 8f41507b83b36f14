// The environment variables that override single values of gateway.yaml.
import type { Path } from './position.ts';

/** Variable → the value it replaces. All are texts; an empty variable counts as not set. */
export const overrides: Readonly<Record<string, Path>> = {
  MCPREC_LISTEN: ['listen'],
  MCPREC_PUBLIC_URL: ['public_url'],
  MCPREC_DATA: ['data'],
  MCPREC_KEYS: ['keys'],
  MCPREC_IDENTITY_ISSUER: ['identity', 'issuer'],
  MCPREC_IDENTITY_AUDIENCE: ['identity', 'audience'],
  MCPREC_IDENTITY_GROUPS_CLAIM: ['identity', 'groups_claim'],
  MCPREC_IDENTITY_CLIENT_ID: ['identity', 'client_id'],
  MCPREC_IDENTITY_BOUND_TOKENS: ['identity', 'bound_tokens'],
  MCPREC_IDENTITY_CLOCK_SKEW: ['identity', 'clock_skew'],
};

type Environment = Readonly<Record<string, string | undefined>>;
type Tree = Record<string, unknown>;

/** `raw` with the values that `env` overrides. What is no map stays as it is: the schema will say so. */
export function withOverrides(raw: unknown, env: Environment): unknown {
  if (!isTree(raw)) return raw;
  const root: Tree = { ...raw };
  for (const [variable, path] of Object.entries(overrides)) {
    const value = env[variable];
    if (value === undefined || value === '') continue;
    const [first, second] = path.map(String);
    if (first === undefined) continue;
    if (second === undefined) root[first] = value;
    else if (root[first] === undefined || isTree(root[first])) root[first] = { ...(root[first] as Tree | undefined), [second]: value };
  }
  return root;
}

/** The variable that gave the value at `path`, or undefined where the file did. */
export function overriddenBy(path: Path, env: Environment): string | undefined {
  const wanted = path.join('.');
  return Object.keys(overrides).find((variable) => env[variable] && overrides[variable]?.join('.') === wanted);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
