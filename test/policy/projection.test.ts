import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Call } from '../../src/policy/call.ts';
import { compileProjection } from '../../src/policy/compile.ts';
import { compilePolicy } from '../../src/policy/compile-config.ts';
import { conditionLanguage } from '../../src/policy/condition.ts';
import type { AccessEntry, ConnectionConfig, GatewayConfig, Scope } from '../../src/policy/config.ts';
import { policyHash } from '../../src/policy/hash.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { projectionSchema, projectPolicy } from '../../src/policy/projection.ts';
import { HEAD, someone } from './support.ts';

type DenyRule = Scope & { readonly groups?: readonly string[]; readonly effect: 'deny' };

const word = fc.constantFrom('a', 'ab', 'b', 'a.b', 'ba');
const glob = fc.constantFrom('a', 'ab', 'a*', '*b', 'a*b', '*', 'b.*', 'tools/*', 'tools/call', 'resources/read', 'POST *', 'POST a', 'ping');
const list = fc.option(fc.array(glob, { maxLength: 3 }), { nil: undefined, freq: 2 });
const groupList = fc.option(fc.uniqueArray(fc.constantFrom('g', 'h'), { minLength: 1 }), { nil: undefined });
const scope = fc.record({ methods: list, tools: list, resources: list, prompts: list, metrics: list });
const kind = fc.constantFrom<ConnectionConfig['kind']>('mcp', 'datadog-intake', 'http');

const entry = fc.record({ groups: groupList, scope }).map(({ groups, scope: s }): AccessEntry => ({ ...present({ groups }), ...present(s), ttlMs: 1000 }));
const rule = fc
  .record({ groups: groupList, scope })
  .map(({ groups, scope: s }): DenyRule => ({ effect: 'deny' as const, ...present({ groups }), ...present(s) }));

const configs = fc.record({
  kind,
  access: fc.array(entry, { maxLength: 4 }),
  rules: fc.array(rule, { maxLength: 4 }),
  unscoped: fc.array(glob, { maxLength: 2 }),
});
const call = fc.oneof(
  word.map((tool): Call => ({ method: 'tools/call', tool, oneWay: false })),
  word.map((uri): Call => ({ method: 'resources/read', uri, oneWay: false })),
  word.map((prompt): Call => ({ method: 'prompts/get', prompt, oneWay: false })),
  fc.constantFrom('ping', 'tools/list', 'x/y').map((method): Call => ({ method, oneWay: false })),
  fc.constantFrom('notifications/x', 'response', 'x/y').map((method): Call => ({ method, oneWay: true })),
  fc
    .record({
      path: word,
      metrics: fc.option(fc.array(word, { maxLength: 3 }), { nil: undefined }),
      checks: fc.option(fc.array(word, { maxLength: 2 }), { nil: undefined }),
    })
    .map(({ path, metrics, checks }): Call => ({ method: `POST ${path}`, oneWay: false, ...present({ metrics, checks }) })),
);

/** `record` without its undefined members. */
function present<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function configOf(made: { kind: ConnectionConfig['kind']; access: AccessEntry[]; rules: DenyRule[]; unscoped: string[] }): GatewayConfig {
  const { config } = parseConfig(`${HEAD}connections: { c: { kind: mcp, upstream: "https://c" } }\n`, { file: 'gateway.yaml' });
  const c: ConnectionConfig = { ...(config.connections.c as ConnectionConfig), kind: made.kind, paths: ['a*', 'b'], unscopedTools: made.unscoped };
  return { ...config, connections: { c }, access: made.access, rules: made.rules.map((r, i) => ({ ...r, id: `r${i}` })) };
}

// The meaning of the policy, written down once more without any index: docs/configuration.md in code.
function outcomeByTheBook(config: GatewayConfig, groups: readonly string[], asked: Call): string {
  const connection = config.connections.c as ConnectionConfig;
  const access = config.access.filter((e) => e.groups === undefined || e.groups.some((g) => groups.includes(g)));
  const rules = config.rules.filter((r) => r.groups === undefined || r.groups.some((g) => groups.includes(g)));
  const mcp = connection.kind === 'mcp';
  const isFree = mcp && (['ping', 'tools/list'].includes(asked.method) || (asked.oneWay && /^(response$|notifications\/)/.test(asked.method)));
  const named = mcp ? targetOf(asked) : undefined;

  if (!isFree) {
    if (connection.kind === 'http' && !matches(connection.paths, asked.method.slice(5))) return 'access';
    const granting = access.filter((e) => matches(e.methods, asked.method) && (named === undefined || matches(e[named.list], named.name)));
    const names = [...(asked.metrics ?? []), ...(asked.checks ?? [])];
    const free = granting.filter((e) => {
      if (e.metrics === undefined) return true;
      if (!mcp) return false;
      if (named === undefined) return e.methods !== undefined;
      return named.list === 'tools' ? matches(connection.unscopedTools, named.name) : e[named.list] !== undefined;
    });
    const kept = connection.kind === 'datadog-intake' ? granting.flatMap((e) => e.metrics ?? []) : [];
    const carries = asked.metrics !== undefined || asked.checks !== undefined;
    const inside = kept.length + granting.length > 0 && connection.kind === 'datadog-intake' && carries && names.every((n) => matches(kept, n));
    if (free.length === 0 && !(granting.length > 0 && inside)) return 'access';
  }
  const hit = rules.find((r) => {
    if (isFree && r.methods === undefined) return false;
    if (!matches(r.methods, asked.method)) return false;
    // Of no tool here it is said where it names metrics.
    const isUndeclared = mcp && asked.method === 'tools/call' && !matches(connection.unscopedTools, asked.tool ?? '');
    const isAbout = (isUndeclared && r.tools !== undefined) || [...(asked.metrics ?? []), ...(asked.checks ?? [])].some((n) => matches(r.metrics, n));
    if (r.metrics && !isAbout) return false;
    if (r.tools === undefined && r.resources === undefined && r.prompts === undefined) return true;
    return named !== undefined && r[named.list] !== undefined && matches(r[named.list], named.name);
  });
  return hit?.id ?? 'allow';
}

function targetOf({ tool, uri, prompt }: Call): { list: 'tools' | 'resources' | 'prompts'; name: string } | undefined {
  if (tool !== undefined) return { list: 'tools', name: tool };
  if (uri !== undefined) return { list: 'resources', name: uri };
  return prompt === undefined ? undefined : { list: 'prompts', name: prompt };
}

function matches(globs: Scope['tools'], name: string): boolean {
  if (globs === undefined) return true;
  return globs.some((g) => new RegExp(`^${g.replace(/[.]/g, '\\.').replace(/\*/g, '.*')}$`).test(name));
}

function outcome(policy: ReturnType<typeof compileProjection>, asked: Call): string {
  const decision = policy.decide(asked);
  return decision.effect === 'allow' ? 'allow' : decision.rule;
}

const groupSets = fc.subarray(['g', 'h', 'i']);

describe('a projection', () => {
  test('decides as the policy does, after a trip through JSON, and both by the book', () => {
    fc.assert(
      fc.property(configs, groupSets, fc.array(call, { minLength: 1, maxLength: 8 }), (made, groups, calls) => {
        const config = configOf(made);
        const policy = compilePolicy(config, someone(groups), 'c');
        const text = JSON.stringify(projectPolicy(config, groups, 'c', 'gateway'));
        const projected = compileProjection(projectionSchema.parse(JSON.parse(text)), someone(groups), { conditions: conditionLanguage });
        for (const asked of calls) {
          expect(projected.decide(asked)).toEqual(policy.decide(asked));
          expect(outcome(policy, asked)).toBe(outcomeByTheBook(config, groups, asked));
        }
        expect(projected.hash).toEqual(policy.hash);
        expect(projected.showsAll).toBe(policy.showsAll);
        for (const name of ['a', 'ab', 'b']) {
          for (const what of ['tool', 'resource', 'prompt'] as const) {
            expect(projected.shows(what, name)).toBe(policy.shows(what, name));
            if (policy.showsAll) expect(policy.shows(what, name)).toBe(true);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('what is not listed cannot be called, and what can be called is listed', () => {
    fc.assert(
      fc.property(configs, groupSets, word, (made, groups, tool) => {
        const policy = compilePolicy(configOf({ ...made, kind: 'mcp' }), someone(groups), 'c');
        const decision = policy.decide({ method: 'tools/call', tool, oneWay: false });
        const hidden = decision.effect === 'deny' && decision.hidden;
        expect(policy.shows('tool', tool)).toBe(!hidden);
      }),
      { numRuns: 1000 },
    );
  });

  test('holds nothing of other groups, other connections or credentials', () => {
    const { config } = parseConfig(
      `${HEAD}connections:
  datadog: { kind: mcp, upstream: "https://inside.example.com", credential: { headers: { X-Key: "env:THE_SECRET" } }, env: { A: inside } }
  other: { kind: mcp, upstream: "https://other.example.com" }
access:
  - { groups: [sre, insiders], connections: [datadog], tools: ["get_*"] }
  - { groups: [insiders], tools: ["inside_*"] }
  - { groups: [sre], connections: [other], tools: ["other_*"] }
rules:
  - { id: mine, deny: true, groups: [sre, insiders], tools: [x], message: No. }
  - { id: inside-rule, deny: true, groups: [insiders], tools: [y] }
  - { id: other-rule, deny: true, connections: [other], tools: [z] }
mask: { fields: [{ path: "$..user" }] }
`,
      { file: 'gateway.yaml' },
    );
    const projection = projectPolicy(config, ['sre'], 'datadog', 'forwarder');
    expect(projection).toMatchObject({
      connection: { name: 'datadog', kind: 'mcp', record: 'off' },
      access: [{ tools: ['get_*'] }],
      rules: [{ id: 'mine', effect: 'deny', message: 'No.', tools: ['x'] }],
      mask: { apply: ['record'], fields: [{ path: '$..user', as: 'redact' }] },
    });
    expect(JSON.stringify(projection)).not.toMatch(/insid|other|secret_|THE_SECRET|example|sre/);
  });

  test('that a newer gateway wrote with a key we do not know is read without it', () => {
    const projection = projectPolicy(configOf({ kind: 'mcp', access: [], rules: [], unscoped: [] }), [], 'c', 'gateway');
    expect(projectionSchema.parse({ ...projection, later: 1 })).toEqual(projection);
    expect(projectionSchema.safeParse({ ...projection, version: 2 }).success).toBe(false);
  });
});

describe('the hash', () => {
  const text = `${HEAD}connections:
  a: { kind: mcp, upstream: "https://a", credential: { headers: { X-Key: "env:ONE" } } }
access: [{ groups: [sre], tools: [x] }]
rules: [{ id: r, deny: true, tools: [y] }, { id: s, deny: true, tools: [z] }]
`;
  const hash = (source: string) => Buffer.from(policyHash(parseConfig(source, { file: 'gateway.yaml' }).config)).toString('hex');

  test('is 32 bytes and the same for every spelling of the same policy', () => {
    expect(hash(text)).toMatch(/^[0-9a-f]{64}$/);
    expect(hash(`# comment\n${text.replace('[{ groups: [sre], tools: [x] }]', '\n  - tools:\n      - "x"\n    groups: [sre]\n')}`)).toBe(hash(text));
  });

  test('does not depend on the order of connections', () => {
    const [a, z] = ['a: { kind: mcp, upstream: "https://a" }', 'z: { kind: mcp, upstream: "https://z" }'];
    expect(hash(`${HEAD}connections: { ${a}, ${z} }\n`)).toBe(hash(`${HEAD}connections: { ${z}, ${a} }\n`));
  });

  test('has nothing to do with where the gateway runs or what its credentials are', () => {
    expect(hash(`listen: 127.0.0.1:1\n${text.replace('env:ONE', 'env:TWO')}`)).toBe(hash(text));
  });

  test.each([
    ['access', 'tools: [x]', 'tools: [x, xx]'],
    ['groups', 'groups: [sre]', 'groups: [dev]'],
    ['a rule', 'tools: [y]', 'tools: [yy]'],
    [
      'the order of rules',
      '{ id: r, deny: true, tools: [y] }, { id: s, deny: true, tools: [z] }',
      '{ id: s, deny: true, tools: [z] }, { id: r, deny: true, tools: [y] }',
    ],
    ['an upstream', 'https://a', 'https://b'],
    ['recording', 'kind: mcp,', 'kind: mcp, record: full,'],
  ])('changes with %s', (_, from, to) => {
    expect(text).toContain(from);
    expect(hash(text.replace(from, to))).not.toBe(hash(text));
  });

  test('changes with masks', () => {
    expect(hash(`${text}mask: { detectors: [email] }\n`)).not.toBe(hash(text));
  });
});
