import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/base/json.ts';
import type { Call, Decision } from '../../src/policy/call.ts';
import { compilePolicy } from '../../src/policy/compile-config.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { HEAD, someone } from './support.ts';

const { config } = parseConfig(
  `${HEAD}connections:
  datadog:
    kind: mcp
    upstream: https://mcp.example.com/v1/mcp
    unscoped_tools: ["get_status*", search_docs]
  intake: { kind: datadog-intake, upstream: "https://api.example.com" }
  grafana: { kind: http, upstream: "https://grafana.example.com", paths: ["/api/*", /health] }
access:
  - { groups: [sre], connections: [datadog], tools: ["search_*", "get_*", "delete_*"], resources: ["file:///public/*"], prompts: [summary] }
  - { groups: [oncall], connections: [datadog], tools: [mute_monitor], resources: [], prompts: [] }
  - { groups: [scoped], connections: [datadog, grafana], tools: ["get_*"], metrics: ["checkout.*"] }
  - { groups: [reader], connections: [datadog], methods: [resources/read] }
  - { groups: [caller], connections: [datadog], methods: ["tools/*", "x/known"] }
  - { groups: [owner] }
  - { groups: [checkout], connections: [intake], metrics: ["checkout.*"] }
  - { groups: [payments], connections: [intake], metrics: ["payments.*", "billing"] }
  - { groups: [events], connections: [intake], methods: ["POST /api/v1/events"] }
  - { groups: [viewer], connections: [grafana], methods: ["GET *"] }
rules:
  - { id: no-delete, deny: true, tools: ["delete_*"], message: Ask the platform team. }
  - { id: no-delete-either, deny: true, tools: ["*_dashboard"] }
  - { id: no-secrets, deny: true, resources: ["*secret*"], prompts: ["*secret*"] }
  - { id: no-log-level, deny: true, connections: [datadog], methods: [logging/setLevel, notifications/roots/*], groups: [owner] }
  - { id: frozen, deny: true, groups: [frozen] }
  - { id: no-internal, deny: true, connections: [intake], metrics: ["*.internal.*", "payments.*"], groups: [checkout, owner] }
  - { id: no-write, deny: true, connections: [grafana], methods: ["DELETE *", "POST /api/admin/*"] }
`,
  { file: 'gateway.yaml' },
);

function decide(groups: readonly string[], connection: string, call: Partial<Call> & { method: string }): Decision {
  return compilePolicy(config, someone(groups), connection).decide({ oneWay: false, ...call });
}

/** `allow`, the rule that denied, or `?rule` where it is hidden. */
function outcome(decision: Decision): string {
  if (decision.effect === 'allow') return 'allow';
  if (decision.effect === 'hold') return `hold ${decision.rule}`;
  return `${decision.hidden ? '?' : ''}${decision.rule}`;
}

function args(json: string) {
  const node = parseJson(json);
  if (node.type === 'fault') throw new Error(node.reason);
  return node;
}

const tool = (name: string) => ({ method: 'tools/call', tool: name });
const read = (uri: string) => ({ method: 'resources/read', uri });
const complete = (json: string) => ({ method: 'completion/complete', args: args(json) });
const listen = (json: string) => ({ method: 'subscriptions/listen', args: args(json) });

describe('on an MCP connection', () => {
  test.each<[string, string[], Partial<Call> & { method: string }, string]>([
    ['a granted tool', ['sre'], tool('search_logs'), 'allow'],
    ['case matters', ['sre'], tool('Search_logs'), '?access'],
    ['a tool of nobody', ['sre'], tool('create_monitor'), '?access'],
    ['a tool of another group', ['sre'], tool('mute_monitor'), '?access'],
    ['entries add up', ['sre', 'oncall'], tool('mute_monitor'), 'allow'],
    ['no group at all', [], tool('search_logs'), '?access'],
    ['a granted tool that a rule denies', ['sre'], tool('delete_monitor'), 'no-delete'],
    ['the first of two rules is named', ['sre'], tool('delete_dashboard'), 'no-delete'],
    ['the other rule', ['sre'], tool('get_dashboard'), 'no-delete-either'],
    ['a rule does not show what access hides', ['oncall'], tool('delete_monitor'), '?access'],
    ['everything, for a group without lists', ['owner'], tool('anything'), 'allow'],
    ['deny beats even that', ['owner'], tool('delete_x'), 'no-delete'],
    ['a call of no tool', ['owner'], { method: 'tools/call' }, 'access'],
    ['a granted resource', ['sre'], read('file:///public/a'), 'allow'],
    ['another resource', ['sre'], read('file:///etc/shadow'), '?access'],
    ['a denied resource', ['sre'], read('file:///public/secret'), 'no-secrets'],
    ['subscribing is reading', ['sre'], { method: 'resources/subscribe', uri: 'file:///etc/shadow' }, '?access'],
    ['an empty list grants none', ['oncall'], read('file:///public/a'), '?access'],
    ['a granted prompt', ['sre'], { method: 'prompts/get', prompt: 'summary' }, 'allow'],
    ['another prompt', ['sre'], { method: 'prompts/get', prompt: 'other' }, '?access'],
    ['a granted method', ['reader'], read('x'), 'allow'],
    ['a method that is not', ['reader'], tool('x'), '?access'],
    ['methods by pattern', ['caller'], tool('x'), 'allow'],
    ['a method that nobody knows, granted', ['caller'], { method: 'x/known' }, 'allow'],
    ['a method that nobody knows, not granted', ['caller'], { method: 'x/other' }, '?access'],
    ['a method that nobody knows, where methods are left out', ['sre'], { method: 'x/other' }, 'allow'],
  ])('%s', (_, groups, call, expected) => {
    expect(outcome(decide(groups, 'datadog', call))).toBe(expected);
  });

  test.each(['initialize', 'server/discover', 'ping', 'tools/list', 'resources/list', 'resources/templates/list', 'prompts/list', 'logging/setLevel'])(
    '%s comes with the connection',
    (method) => {
      expect(outcome(decide(['reader'], 'datadog', { method }))).toBe('allow');
    },
  );

  test.each<[string, string[], Partial<Call> & { method: string }, string]>([
    ['a notification comes with the connection', ['reader'], { method: 'notifications/cancelled', oneWay: true }, 'allow'],
    ['so does an answer to a request of the server', ['reader'], { method: 'response', oneWay: true }, 'allow'],
    ['a request may not call itself an answer', ['reader'], { method: 'response' }, '?access'],
    ['nor a notification', ['reader'], { method: 'notifications/x' }, '?access'],
    ['a tool call without an id is a tool call', ['sre'], { ...tool('create_monitor'), oneWay: true }, '?access'],
    ['a rule takes away what comes with the connection where it names it', ['owner'], { method: 'logging/setLevel' }, 'no-log-level'],
    ['by a pattern too', ['owner'], { method: 'notifications/roots/list_changed', oneWay: true }, 'no-log-level'],
    ['a rule about a group leaves it able to list', ['sre', 'frozen'], { method: 'tools/list' }, 'allow'],
    ['and takes everything else', ['sre', 'frozen'], tool('search_logs'), 'frozen'],
  ])('%s', (_, groups, call, expected) => {
    expect(outcome(decide(groups, 'datadog', call))).toBe(expected);
  });

  test.each<[string, string[], Partial<Call> & { method: string }, string]>([
    ['of a granted prompt', ['sre'], complete('{"ref":{"type":"ref/prompt","name":"summary"}}'), 'allow'],
    ['of another prompt', ['sre'], complete('{"ref":{"type":"ref/prompt","name":"other"}}'), '?access'],
    ['of a granted resource', ['sre'], complete('{"ref":{"type":"ref/resource","uri":"file:///public/{x}"}}'), 'allow'],
    ['of another resource', ['sre'], complete('{"ref":{"type":"ref/resource","uri":"file:///{x}"}}'), '?access'],
    ['of what a rule denies', ['owner'], complete('{"ref":{"type":"ref/prompt","name":"secrets"}}'), 'no-secrets'],
    ['of nothing', ['owner'], complete('{}'), 'access'],
    ['of an unknown kind', ['owner'], complete('{"ref":{"type":"ref/tool","name":"x"}}'), 'access'],
    ['of two names', ['owner'], complete('{"ref":{"type":"ref/prompt","name":"a","Name":"b"}}'), 'access'],
    ['of a reference in another case', ['owner'], complete('{"Ref":{"type":"ref/prompt","name":"a"}}'), 'access'],
  ])('completion %s', (_, groups, call, expected) => {
    expect(outcome(decide(groups, 'datadog', call))).toBe(expected);
  });

  test.each<[string, string[], Partial<Call> & { method: string }, string]>([
    ['to changes of lists', ['oncall'], listen('{"notifications":{"toolsListChanged":true}}'), 'allow'],
    ['to an empty list of resources', ['oncall'], listen('{"notifications":{"resourceSubscriptions":[]}}'), 'allow'],
    ['to a granted resource', ['sre'], listen('{"notifications":{"resourceSubscriptions":["file:///public/a"]}}'), 'allow'],
    ['to one resource of two', ['sre'], listen('{"notifications":{"resourceSubscriptions":["file:///public/a","file:///b"]}}'), '?access'],
    ['to a denied resource', ['owner'], listen('{"notifications":{"resourceSubscriptions":["a","secret"]}}'), 'no-secrets'],
    ['without a filter', ['owner'], { method: 'subscriptions/listen' }, 'access'],
    ['in another case', ['sre'], listen('{"notifications":{"ResourceSubscriptions":["file:///b"]}}'), 'access'],
    [
      'to one thing in two cases',
      ['sre'],
      listen('{"notifications":{"resourceSubscriptions":["file:///public/a"],"resourcesubscriptions":["file:///b"]}}'),
      'access',
    ],
    ['to what is no text', ['owner'], listen('{"notifications":{"resourceSubscriptions":[1]}}'), 'access'],
  ])('listening %s', (_, groups, call, expected) => {
    expect(outcome(decide(groups, 'datadog', call))).toBe(expected);
  });

  test.each<[string, Partial<Call> & { method: string }, string]>([
    ['a tool that is listed as unscoped', tool('get_status_page'), 'allow'],
    ['one that is listed and not granted', tool('search_docs'), '?access'],
    ['one that is granted and not listed', tool('get_metric'), '?access'],
    ['a resource, which the entry does not name', read('file:///public/a'), '?access'],
    ['a method that the entry does not name', { method: 'x/query' }, '?access'],
    ['lists', { method: 'tools/list' }, 'allow'],
  ])('a group that is kept to namespaces: %s', (_, call, expected) => {
    expect(outcome(decide(['scoped'], 'datadog', call))).toBe(expected);
  });

  test('another group of the same person lifts the restriction', () => {
    expect(outcome(decide(['scoped', 'sre'], 'datadog', tool('get_metric')))).toBe('allow');
  });

  test('reasons say what is missing, and a rule speaks for itself', () => {
    expect(decide(['sre'], 'datadog', tool('delete_x'))).toEqual({ effect: 'deny', rule: 'no-delete', reason: 'Ask the platform team.', hidden: false });
    expect(decide(['sre'], 'datadog', tool('get_dashboard'))).toMatchObject({ reason: 'denied by rule no-delete-either' });
    expect(decide(['scoped'], 'datadog', tool('get_metric'))).toMatchObject({
      reason: 'access is limited to metric namespaces, and tool "get_metric" is not among what such a group may use',
    });
    const long = decide([], 'datadog', tool('x'.repeat(100_000)));
    expect(long.effect === 'deny' && long.reason.length).toBeLessThan(300);
  });
});

describe('what lists show', () => {
  test.each<[string[], 'tool' | 'resource' | 'prompt', string, boolean]>([
    [['sre'], 'tool', 'search_logs', true],
    [['sre'], 'tool', 'create_monitor', false],
    [['sre'], 'tool', 'delete_monitor', true],
    [['sre'], 'resource', 'file:///public/a', true],
    [['sre'], 'resource', 'file:///a', false],
    [['sre'], 'prompt', 'summary', true],
    [['reader'], 'tool', 'x', false],
    [['reader'], 'resource', 'x', true],
    [['scoped'], 'tool', 'get_status', true],
    [['scoped'], 'tool', 'get_metric', false],
    [['owner'], 'tool', 'x', true],
  ])('%j, %s %s: %s', (groups, what, name, expected) => {
    expect(compilePolicy(config, someone(groups), 'datadog').shows(what, name)).toBe(expected);
  });

  test('only who sees everything need not have lists read', () => {
    expect(compilePolicy(config, someone(['owner']), 'datadog').showsAll).toBe(true);
    for (const group of ['sre', 'reader', 'scoped', 'caller']) expect(compilePolicy(config, someone([group]), 'datadog').showsAll).toBe(false);
  });
});

describe('on an intake', () => {
  const series = (...metrics: string[]) => ({ method: 'POST /api/v2/series', metrics });
  test.each<[string, string[], Partial<Call> & { method: string }, string]>([
    ['names within', ['checkout'], series('checkout.a', 'checkout.b.c'), 'allow'],
    ['one name outside rejects the batch', ['checkout'], series('checkout.a', 'payments.b'), 'access'],
    ['namespaces of two entries add up', ['payments', 'checkout'], series('billing', 'checkout.b'), 'allow'],
    ['a batch of nothing', ['checkout'], series(), 'allow'],
    ['checks are names too', ['checkout'], { method: 'POST /api/v1/check_run', checks: ['checkout.up'] }, 'allow'],
    ['checks outside', ['checkout'], { method: 'POST /api/v1/check_run', checks: ['db.up'] }, 'access'],
    ['titles of events are names too', ['checkout'], { method: 'POST /api/v1/events', events: ['checkout.deployed'] }, 'allow'],
    ['events outside', ['checkout'], { method: 'POST /api/v1/events', events: ['db.deployed'] }, 'access'],
    ['logs have no name', ['checkout'], { method: 'POST /api/v2/logs' }, 'access'],
    ['an entry of its own gives events', ['checkout', 'events'], { method: 'POST /api/v1/events', events: ['x'] }, 'allow'],
    ['and nothing else', ['events'], series('checkout.a'), '?access'],
    ['validating the key comes with the connection', ['events'], { method: 'GET /api/v1/validate' }, 'allow'],
    ['a denied namespace within the granted one', ['checkout'], series('checkout.a', 'checkout.internal.b'), 'no-internal'],
    ['a denied name as Datadog would store it', ['owner'], series('_payments.total'), 'no-internal'],
    ['a name that Datadog would cut', ['checkout'], series(`checkout.${'x'.repeat(300)}`), 'access'],
    ['other groups are not concerned', ['payments'], series('payments.internal.b'), 'allow'],
    ['no namespaces, no limits', ['owner'], series('anything'), 'allow'],
  ])('%s', (_, groups, call, expected) => {
    expect(outcome(decide(groups, 'intake', call))).toBe(expected);
  });

  test('the name that was wrong is named, and so is what would be right', () => {
    expect(decide(['checkout'], 'intake', series('checkout.a', 'payments.b'))).toEqual({
      effect: 'deny',
      rule: 'access',
      reason: '"payments.b" is outside of checkout.*; nothing of this request was sent',
      hidden: false,
    });
  });
});

describe('on an HTTP connection', () => {
  test.each<[string, string[], string, string]>([
    ['a listed path', ['owner'], 'PUT /api/dashboards', 'allow'],
    ['a path that is not listed', ['owner'], 'GET /admin', '?access'],
    ['nothing comes with the connection', ['scoped'], 'GET /api/v1/validate', '?access'],
    ['a verb that is granted', ['viewer'], 'GET /health', 'allow'],
    ['a verb that is not', ['viewer'], 'POST /api/x', '?access'],
    ['a verb that a rule denies', ['owner'], 'DELETE /api/x', 'no-write'],
    ['a path that a rule denies', ['owner'], 'POST /api/admin/users', 'no-write'],
    ['namespaces cannot be told here', ['scoped'], 'GET /api/x', '?access'],
  ])('%s', (_, groups, method, expected) => {
    expect(outcome(decide(groups, 'grafana', { method }))).toBe(expected);
  });
});

test('there is no policy for a connection that does not exist', () => {
  for (const name of ['nope', 'toString', '__proto__']) expect(() => compilePolicy(config, someone([]), name)).toThrow('there is no connection named');
});
