// `npm run bench:policy`: how long a decision takes, by what of the policy it asks. The least time of many rounds counts, because a busy
// machine only ever adds. `--json` prints only the measures.
import { parseJson } from '../../src/base/json.ts';
import type { Call } from '../../src/policy/call.ts';
import { compilePolicy } from '../../src/policy/compile-config.ts';
import { someoneIn } from '../../src/policy/context.ts';
import { parseConfig } from '../../src/policy/parse.ts';
import { atMost, type Measure, print } from '../eval/report.ts';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const ROUNDS = quick ? 20 : 200;
const DECISIONS = 2_000;

const many = Array.from({ length: 100 }, (_, i) => `  - { id: r${i}, deny: true, tools: ["tool_${i}_*", "*_x${i}"] }`).join('\n');
const yaml = `data: sqlite:a
keys: file:/a
identity: { issuer: "https://a.example", audience: a }
connections:
  datadog: { kind: mcp, upstream: "https://a.example" }
access:
  - { groups: [sre], tools: ["search_*", "get_*", "mute_*", "list_*"] }
  - { groups: [team], metrics: ["checkout.*"] }
rules:
${many}
  - { id: mutes, hold: { approvers: [leads] }, tools: ["mute_*"], when: '!has(args.scope) || !args.scope.matches("(?i)^env:(dev|staging)$")' }
  - { id: lists, deny: true, tools: ["list_*"], when: 'identity.groups.exists(g, g == "contractors") || (has(args.limit) && args.limit > 1000 && call.tool.startsWith("list_big"))' }
`;
const { config } = parseConfig(yaml, { file: 'gateway.yaml' });

function call(tool: string, text: string): Call {
  const node = parseJson(text);
  if (node.type === 'fault') throw new Error(node.reason);
  return { method: 'tools/call', tool, args: node, oneWay: false };
}

const log = '{"query":"service:checkout status:error","from":"now-1h","to":"now","limit":50}';
const query = '{"query":"avg:checkout.latency{env:prod} by {host}.rollup(sum, 60) / sum:checkout.hits{*}"}';
const cases: readonly (readonly [string, string, Call, number])[] = [
  ['102 rules, none matches', 'sre', call('search_datadog_logs', log), 3],
  ['102 rules, one denies', 'sre', call('get_x7', '{}'), 3],
  ['a condition with a pattern', 'sre', call('mute_monitor', '{"monitor_id":7,"scope":"env:dev","duration_minutes":60}'), 20],
  ['a condition over groups and arguments', 'sre', call('list_dashboards', log), 20],
  ['metric names in a query', 'team', call('get_datadog_metric', query), 20],
];

const measures: Measure[] = cases.map(([name, group, asked, target]) => {
  const policy = compilePolicy(
    config,
    someoneIn([group], () => 0),
    'datadog',
  );
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < DECISIONS; i++) policy.decide(asked);
    least = Math.min(least, ((performance.now() - start) * 1000) / DECISIONS);
  }
  return atMost(`decision: ${name}`, least, 'µs', target);
});

print(measures, args);
