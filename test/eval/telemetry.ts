// Clean telemetry as a Datadog-shaped MCP server answers it: logs, spans, metric points, hosts and monitors, with nothing personal in it.
import { ALNUM, HEX, LOWER, type Random, UPPER } from './random.ts';

const services = [
  'checkout-api',
  'payment-gateway',
  'catalog',
  'search-indexer',
  'auth-proxy',
  'image-resizer',
  'order-worker',
  'notification-hub',
  'web-store',
];
const regions = ['us-east-1', 'eu-west-1', 'ap-southeast-2'];
const statuses = ['info', 'warn', 'error', 'debug'];
const verbs = ['GET', 'POST', 'PUT', 'DELETE'];
const agents = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15',
  'Datadog Agent/7.52.1.0',
  'okhttp/4.12.0',
  'Go-http-client/2.0',
];

function id(r: Random, length: number): string {
  return r.text(HEX, length);
}

function uuid(r: Random): string {
  return `${id(r, 8)}-${id(r, 4)}-4${id(r, 3)}-a${id(r, 3)}-${id(r, 12)}`;
}

function decimalId(r: Random): string {
  return String(r.between(1, 9)) + r.text('0123456789', r.between(17, 18));
}

function iso(r: Random): string {
  return new Date(1_790_000_000_000 + r.below(8_000_000_000)).toISOString();
}

function message(r: Random): string {
  switch (r.below(14)) {
    case 0:
      return `${r.pick(verbs)} /api/v2/orders/${r.below(1e7)}/items?page=${r.below(50)}&limit=100 ${r.pick([200, 201, 404, 500])} ${r.below(900)}ms ${r.below(100_000)}B`;
    case 1:
      return `connection pool exhausted: active=${r.below(50)} idle=0 waiting=${r.below(200)} timeout=${r.below(30_000)}ms`;
    case 2:
      return `consumer group lag topic=orders.v1 partition=${r.below(64)} offset=${r.between(1e9, 9e9)} lag=${r.below(100_000)}`;
    case 3:
      return `[${iso(r)}] GC pause (G1 Evacuation Pause) ${r.below(900)}.${r.below(999)}ms heap ${r.below(4096)}M->${r.below(2048)}M(${r.below(8192)}M)`;
    case 4:
      return `SELECT o.id, o.total FROM orders o WHERE o.created_at > '${iso(r).slice(0, 10)}' AND o.shard = ${r.below(512)} LIMIT 500 -- ${r.below(99)}.${r.below(999)} ms`;
    case 5:
      return `Traceback at com.example.shop.${r.pick(['Cart', 'Order', 'Price'])}Service.apply(Service.java:${r.below(900)}) caused by java.util.concurrent.TimeoutException: ${r.below(30_000)} ms`;
    case 6:
      return `deployed image registry.internal/shop/api@sha256:${id(r, 64)} revision ${id(r, 40)} build ${r.below(100_000)}`;
    case 7:
      return `cache miss key=product:${r.below(1e8)}:v${r.below(9)} shard=${r.below(32)} ttl=${r.below(86_400)}s`;
    case 8:
      return `${r.pick(services)} took ${r.below(9)}.${r.below(1e6)}s for ${r.below(1e6)} rows, ${r.below(1e9)} bytes read, ${r.below(1e6)} written`;
    case 9:
      return `token bucket refilled: tokens=${r.below(1000)} rate=${r.below(500)}/s; next token in ${r.below(900)}ms; authorization cache hit ratio 0.${r.below(999)}`;
    case 10:
      return `kubelet: pod ${r.pick(services)}-${r.text(LOWER + HEX, 10)}-${r.text(LOWER, 5)} evicted, node ip-10-${r.below(255)}-${r.below(255)}-${r.below(255)}.ec2.internal disk pressure`;
    case 11:
      return `requestId=${uuid(r)} traceparent=00-${id(r, 32)}-${id(r, 16)}-01 elapsed_ns=${r.between(1e8, 9e9)} status=${r.pick([200, 204, 500])}`;
    case 12:
      return `user agent "${r.pick(agents)}" version 3.${r.below(20)}.${r.below(100)} feature flags [${r.below(99)}, ${r.below(99)}, ${r.below(99)}]`;
    default:
      return `scheduled job nightly-rollup finished in ${r.below(24)}:${r.between(10, 59)}:${r.between(10, 59)}.${r.below(999)}; processed ${r.below(1e8)} points from ${r.below(1e5)} series`;
  }
}

function log(r: Random): object {
  return {
    id: `AQAAA${r.text(ALNUM, 30)}`,
    timestamp: iso(r),
    service: r.pick(services),
    host: `i-0${id(r, 16)}`,
    status: r.pick(statuses),
    message: message(r),
    tags: [
      `env:prod`,
      `region:${r.pick(regions)}`,
      `version:${r.below(9)}.${r.below(30)}.${r.below(100)}`,
      `pod_name:${r.text(LOWER, 8)}-${r.text(LOWER + HEX, 9)}-${r.text(LOWER, 5)}`,
    ],
    attributes: {
      http: { method: r.pick(verbs), status_code: r.pick([200, 404, 500]), useragent: r.pick(agents), url_details: { path: `/api/v2/orders/${r.below(1e7)}` } },
      duration: r.below(2e9),
      dd: { trace_id: decimalId(r), span_id: decimalId(r) },
      usage: { prompt_tokens: r.below(9000), total_tokens: r.below(9000), max_tokens: 4096 },
    },
  };
}

function span(r: Random): object {
  const start = 1_790_000_000_000 + r.below(8e9);
  return {
    trace_id: id(r, 32),
    span_id: decimalId(r),
    parent_id: decimalId(r),
    start_ns: `${start}${r.text('0123456789', 6)}`,
    duration_ns: r.below(1e10),
    resource: `${r.pick(verbs)} /api/v2/orders/:id`,
    metrics: { _sampling_priority_v1: 1, 'process.pid': r.below(60_000), 'runtime.heap': r.below(2e9), cpu: r.below(1e6) / 1e4 },
    meta: { 'git.commit.sha': id(r, 40), 'runtime-id': uuid(r), 'git.repository_url': 'https://git.example.com/shop/api', partition_key: `p-${r.below(999)}` },
  };
}

function series(r: Random): object {
  return {
    metric: `${r.pick(services).replace('-', '.')}.latency.p${r.pick([50, 95, 99])}`,
    scope: `service:${r.pick(services)},env:prod,az:${r.pick(regions)}a`,
    unit: 'second',
    pointlist: Array.from({ length: 24 }, (_, i) => [1_790_000_000_000 + i * 20_000, r.below(1e7) / 1e6 + r.below(1e3)]),
  };
}

function monitor(r: Random): object {
  return {
    id: r.between(1e7, 2e8),
    name: `High error rate on ${r.pick(services)}`,
    query: `avg(last_5m):sum:trace.http.request.errors{service:${r.pick(services)},env:prod}.as_rate() > ${r.below(100)}`,
    options: { thresholds: { critical: r.below(100), warning: r.below(50) }, renotify_interval: 60, new_group_delay: 60, evaluation_delay: 900 },
    modified: iso(r),
    overall_state: r.pick(['OK', 'Alert', 'No Data']),
    creator: { handle: `svc-${r.text(LOWER, 6)}` },
    deployment: `${r.text(UPPER, 3)}-${r.between(1000, 9999)}`,
  };
}

const makers = [log, log, log, span, series, monitor];

/** An MCP answer of about `bytes` bytes: its content as text that is JSON itself, and the same data as `structuredContent`. */
export function cleanAnswer(r: Random, bytes: number): string {
  const items: object[] = [];
  const make = r.pick(makers);
  for (let size = 0; size < bytes / 2.2; ) {
    const item = make(r);
    items.push(item);
    size += JSON.stringify(item).length;
  }
  return JSON.stringify({
    jsonrpc: '2.0',
    id: r.below(10_000),
    result: {
      content: [{ type: 'text', text: JSON.stringify({ items, count: items.length, elapsed_ms: r.below(900) }) }],
      structuredContent: { items, next: null },
      isError: false,
    },
  });
}

/** Plain log lines, as an agent or `kubectl logs` prints them. */
export function cleanLines(r: Random, bytes: number): string {
  let text = '';
  while (text.length < bytes) text += `${iso(r)} ${r.pick(statuses).toUpperCase()} [${r.pick(services)}] (thread-${r.below(64)}) ${message(r)}\n`;
  return text;
}
