// Hold and mask rules, exemptions, namespaces on both targets, tags: what each makes of a call.
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/base/json.ts';
import type { Call } from '../../src/policy/call.ts';
import { compilePolicy } from '../../src/policy/compile-config.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { HEAD, someone } from './support.ts';

const CONNECTIONS = `connections:
  datadog: { kind: mcp, upstream: "https://a", unscoped_tools: ["search_docs"], query_arguments: { my_tool: [{ path: "queries[*].q" }] } }
  intake: { kind: datadog-intake, upstream: "https://b" }
`;
const OPEN = 'access: [{}]\n';

function policy(text: string, groups: readonly string[] = ['sre'], connection = 'datadog') {
  const { config } = parseConfig(`${HEAD}${CONNECTIONS}${text}`, { file: 'gateway.yaml' });
  return compilePolicy(config, someone(groups), connection);
}

function tool(name: string, args = '{}'): Call {
  const node = parseJson(args);
  if (node.type === 'fault') throw new Error(node.reason);
  return { method: 'tools/call', tool: name, args: node, oneWay: false };
}

describe('rules', () => {
  const rules = `rules:
  - { id: m1, mask: { detectors: [person] }, tools: ["get_*"] }
  - { id: h1, hold: { approvers: [leads], min: 2, within: 5m, reveal: approvers, masked_arguments: deny }, tools: ["*_x"], message: "Ask." }
  - { id: h2, hold: { approvers: [others] }, tools: ["get_*"] }
  - { id: d1, deny: true, tools: ["get_bad"] }
  - { id: m2, mask: { fields: [{ path: "$.a", as: pseudonym }], apply: [upstream] }, tools: ["*"], except: [{ tools: ["plain"] }, { when: 'args.raw == true' }] }
`;
  const decide = (call: Call) => policy(OPEN + rules).decide(call);

  test('deny beats hold; of two holds the first counts; masks add up', () => {
    expect(decide(tool('get_bad', '{"raw":true}'))).toMatchObject({ effect: 'deny', rule: 'd1' });
    const held = decide(tool('get_x', '{"raw":false}'));
    expect(held).toMatchObject({
      effect: 'hold',
      rule: 'h1',
      reason: 'Ask.',
      approvers: ['leads'],
      min: 2,
      withinMs: 300_000,
      reveal: 'approvers',
      maskedArguments: 'deny',
    });
    expect(held.effect === 'hold' && held.ruleDigest.length).toBe(32);
    expect(held.effect === 'hold' && held.masks).toEqual([
      { rule: 'm1', apply: ['record', 'client'], detectors: ['person'], fields: [] },
      { rule: 'm2', apply: ['upstream'], detectors: [], fields: [{ path: '$.a', as: 'pseudonym' }] },
    ]);
  });

  test('an exemption leaves alone; one that cannot be evaluated denies', () => {
    expect(decide(tool('plain'))).toEqual({ effect: 'allow' });
    expect(decide(tool('other', '{"raw":true}'))).toEqual({ effect: 'allow' });
    expect(decide(tool('other', '{"raw":false}'))).toMatchObject({ effect: 'allow', masks: [{ rule: 'm2' }] });
    expect(decide(tool('other'))).toMatchObject({ effect: 'deny', rule: 'm2', reason: expect.stringContaining('cannot be evaluated') });
  });

  test('the digest is the rule’s: another spelling has the same, another rule another', () => {
    const digest = (yaml: string) => {
      const held = policy(`${OPEN}rules: [${yaml}]`).decide(tool('x'));
      return held.effect === 'hold' ? Buffer.from(held.ruleDigest).toString('hex') : held.effect;
    };
    const one = digest('{ id: a, hold: { approvers: [l], within: 10m }, tools: [x] }');
    expect(digest('{ tools: ["x"], id: a, hold: { within: 600s, approvers: [l] } }')).toBe(one);
    expect(digest('{ id: a, hold: { approvers: [l, m], within: 10m }, tools: [x] }')).not.toBe(one);
    expect(digest('{ id: a, hold: { approvers: [l] }, tools: [x], when: "true" }')).not.toBe(one);
  });

  test('groups and connections of exemptions', () => {
    const text = `${OPEN}rules: [{ id: d, deny: true, tools: ["x*"], except: { groups: [platform] } }, { id: e, deny: true, tools: [y], except: { groups: [platform], connections: [intake] } }]`;
    expect(policy(text, ['sre']).decide(tool('x')).effect).toBe('deny');
    expect(policy(text, ['sre', 'platform']).decide(tool('x')).effect).toBe('allow');
    expect(policy(text, ['platform']).decide(tool('y')).effect).toBe('deny');
  });

  test('by path, on what has one', () => {
    const intake = policy(`${OPEN}rules: [{ id: p, deny: true, paths: ["/api/v1/*"] }]`, ['sre'], 'intake');
    expect(intake.decide({ method: 'POST /api/v1/series', metrics: ['a'], oneWay: false })).toMatchObject({ effect: 'deny', rule: 'p' });
    expect(intake.decide({ method: 'POST /api/v2/series', metrics: ['a'], oneWay: false }).effect).toBe('allow');
  });

  test('by namespace in queries: any name is enough, and what cannot be told counts as one', () => {
    const text = `${OPEN}rules: [{ id: p, deny: true, connections: [datadog], metrics: ["payments.*"], except: { metrics: ["payments.public.*"] } }]`;
    const effect = (args: string) => policy(text).decide(tool('get_datadog_metric', args)).effect;
    expect(effect('{"query":"avg:checkout.x{*}"}')).toBe('allow');
    expect(effect('{"query":"avg:checkout.x{*} / avg:payments.y{*}"}')).toBe('deny');
    expect(effect('{"query":"avg:payments.public.y{*}"}')).toBe('allow');
    expect(effect('{"query":"avg:payments.public.y{*} / avg:payments.y{*}"}')).toBe('deny');
    expect(effect('{"query":"avg:$x{*}"}')).toBe('deny');
    expect(policy(text).decide(tool('list_dashboards')).effect).toBe('allow');
  });

  test('by namespace and tools: a tool of which nobody said where it names metrics could be what is meant', () => {
    const text = `${OPEN}rules: [{ id: p, deny: true, connections: [datadog], tools: ["*_metric", "search_*", "aggregate_*"], metrics: ["payments.*"] }]`;
    const effect = (name: string, args?: string) => policy(text).decide(tool(name, args)).effect;
    expect(effect('aggregate_spans')).toBe('deny');
    // Listed in unscoped_tools.
    expect(effect('search_docs')).toBe('allow');
    expect(effect('list_dashboards')).toBe('allow');
    expect(effect('get_datadog_metric', '{"queries":["avg:checkout.x{*}"]}')).toBe('allow');
  });

  test.each([
    ['["query0 + query1 * 0.5", "anomalies(query0, \'basic\', 2)"]', 'allow'],
    ['["query0 + avg:payments.y{*}"]', 'deny'],
    ['["payments.y"]', 'deny'],
    ['["query0 + payments.y"]', 'deny'],
    ['[{"formula":"query0"}]', 'deny'],
  ])('formulas over the queries of a call name no metric of their own: %s', (formulas, effect) => {
    const text = 'access: [{ groups: [sre], metrics: ["checkout.*"] }]\n';
    expect(policy(text).decide(tool('get_datadog_metric', `{"queries":["avg:checkout.x{*}"],"formulas":${formulas}}`)).effect).toBe(effect);
    expect(policy(text).decide(tool('get_datadog_metric', `{"formulas":${formulas}}`)).effect).toBe('deny');
  });
});

describe('a group that is kept to namespaces', () => {
  const text = 'access: [{ groups: [team], metrics: ["checkout.*"] }]\n';
  const team = policy(text, ['team']);
  const outcome = (call: Call): string => {
    const decision = team.decide(call);
    return decision.effect === 'deny' ? (decision.hidden ? 'hidden' : decision.reason) : decision.effect;
  };

  test.each([
    ['get_datadog_metric', '{"queries":["avg:checkout.a{*}","sum:checkout.b{*}"]}', 'allow'],
    ['get_datadog_metric', '{"queries":["avg:checkout.a{*}","sum:payments.b{*}"]}', '"payments.b" is outside of checkout.*'],
    ['get_datadog_metric', '{"query":"avg:checkout.a{*}","queries":["sum:payments.b{*}"]}', '"payments.b" is outside of checkout.*'],
    ['get_datadog_metric', '{"query":"avg:checkout.a{*}","Queries":["sum:payments.b{*}"]}', 'written in another case'],
    ['get_datadog_metric', '{"query":{"a":1}}', 'is no text'],
    ['get_datadog_metric', '{}', 'none of the arguments that carry a query'],
    ['get_datadog_metric', '{"query":"avg:$m{*}"}', 'cannot be read as a metric query'],
    ['get_datadog_metric_context', '{"metric_name":"checkout.a"}', 'allow'],
    ['get_datadog_metric_context', '{"metric_name":"checkout.*"}', 'is no name of a metric'],
    ['create_datadog_monitor', '{"query":"avg(last_5m):avg:checkout.a{*} > 5"}', 'allow'],
    ['my_tool', '{"queries":[{"q":"avg:checkout.a{*}"},{"q":"avg:db.a{*}"}]}', '"db.a" is outside of checkout.*'],
    ['my_tool', '{"queries":[{"q":"avg:checkout.a{*}"}]}', 'allow'],
    ['my_tool', '{"queries":{"q":"avg:checkout.a{*}"}}', 'queries is no list'],
    ['search_docs', '{"query":"anything"}', 'allow'],
    ['a_new_tool', '{}', 'hidden'],
    ['execute_code', '{}', 'hidden'],
  ])('%s %s: %s', (name, args, expected) => expect(outcome(tool(name, args))).toContain(expected));

  test('sees the tools that it may use', () => {
    expect(['get_datadog_metric', 'my_tool', 'search_docs', 'a_new_tool'].map((name) => team.shows('tool', name))).toEqual([true, true, true, false]);
  });
});

describe('tags that must be there', () => {
  const text = 'access: [{ groups: [team], tags: ["team:checkout", "env:*"] }]\n';
  const intake = (...sets: string[][]) =>
    policy(text, ['team'], 'intake').decide({ method: 'POST /api/v2/series', metrics: ['a.b'], tagSets: () => sets, oneWay: false }).effect;
  test('on every series, check, event and log line', () => {
    expect(intake(['team:checkout', 'env:prod'])).toBe('allow');
    expect(intake(['team:checkout', 'env:prod'], ['team:checkout'])).toBe('deny');
    expect(intake([])).toBe('deny');
    const logs = (set: string[]) => policy(text, ['team'], 'intake').decide({ method: 'POST /api/v2/logs', tagSets: () => [set], oneWay: false }).effect;
    expect([logs(['team:checkout', 'env:x']), logs(['env:x'])]).toEqual(['allow', 'deny']);
  });
  test('and in every filter of a query', () => {
    const effect = (query: string) => policy(text, ['team']).decide(tool('get_datadog_metric', JSON.stringify({ query }))).effect;
    expect(effect('avg:a{team:checkout,env:prod}')).toBe('allow');
    expect(effect('avg:a{team:checkout,env:prod} / avg:b{team:checkout}')).toBe('deny');
    expect(effect('avg:a{team:checkout OR env:prod}')).toBe('deny');
  });
});

test('the approval that a grant needs is good for every entry', async () => {
  const { connectionAccess } = await import('../../src/policy/access.ts');
  const access = (yaml: string) => {
    const { config } = parseConfig(`${HEAD}${CONNECTIONS}access: ${yaml}\n`, { file: 'gateway.yaml' });
    return connectionAccess(config, ['sre'], 'datadog', someone([]).nowMs());
  };
  expect(access('[{ groups: [sre] }]')).toEqual({ kind: 'granted', ttlMs: 3_600_000 });
  expect(access('[{ groups: [sre] }, { approval: { approvers: [a, b], within: 5m } }, { approval: { approvers: [b, c], min: 2 } }]')).toMatchObject({
    approval: { approvers: ['b'], min: 2, withinMs: 300_000 },
  });
  expect(access('[{ groups: [sre], hours: { days: [sun], zone: UTC } }]')).toEqual({ kind: 'closed', hours: ['sun 00:00–24:00 UTC'] });
});
