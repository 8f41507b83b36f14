// The log lines of the made-up shop: a pure function of seed and time, so that any stretch of time can be asked for twice.
import { isoTime } from '../base/clock.ts';
import { hex, pick, unit } from './seeded.ts';
import type { Host, World } from './world.ts';

/** One line falls into each stretch of this length. */
const TICK_MS = 250;

export interface LogLine {
  readonly id: string;
  readonly timestamp: string;
  readonly status: 'info' | 'warn' | 'error';
  readonly service: string;
  readonly host: string;
  readonly message: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly tags: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface LogSearch {
  /** Datadog's syntax, thin: `service:checkout status:error env:prod timeout`; every word must match. */
  readonly query: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}

/** The newest lines first. `scanned` counts the lines looked at. */
export function searchLogs(world: World, search: LogSearch): { lines: LogLine[]; scanned: number } {
  const terms = search.query.split(/\s+/).filter((t) => t !== '' && t !== '*');
  const lines: LogLine[] = [];
  let scanned = 0;
  for (let tick = Math.floor((search.toMs - 1) / TICK_MS); tick * TICK_MS >= search.fromMs && lines.length < search.limit; tick--) {
    scanned++;
    const head = headAt(world, tick);
    // Most lines are out by service or status: the rest of them need not be made.
    if (!terms.every((term) => mayMatch(head, term))) continue;
    const line = lineAt(world, tick, head);
    if (terms.every((term) => matches(line, term))) lines.push(line);
  }
  return { lines, scanned };
}

function matches(line: LogLine, term: string): boolean {
  if (term.startsWith('-') && term.length > 1) return !matches(line, term.slice(1));
  const [facet = '', value] = term.split(':', 2);
  if (value === undefined) return line.message.toLowerCase().includes(facet.toLowerCase());
  if (facet === 'service' || facet === 'status' || facet === 'host') return line[facet] === value;
  if (facet === 'trace_id') return line.traceId === value;
  return line.tags.includes(term);
}

interface Head {
  readonly host: Host;
  readonly status: LogLine['status'];
}

function headAt({ seed, hosts }: World, tick: number): Head {
  const chance = unit(seed, 'line status', tick);
  return { host: pick(hosts, seed, 'line host', tick), status: chance < 0.05 ? 'error' : chance < 0.14 ? 'warn' : 'info' };
}

function mayMatch({ host, status }: Head, term: string): boolean {
  if (term.startsWith('service:')) return term === `service:${host.service}`;
  if (term.startsWith('status:')) return term === `status:${status}`;
  return true;
}

function lineAt(world: World, tick: number, { host, status }: Head): LogLine {
  const { seed } = world;
  const durationMs = Math.round(20 + 400 * unit(seed, 'line ms', tick) ** 3 + (status === 'error' ? 2_000 : 0));
  const order = 880_000 + Math.floor(unit(seed, 'order', tick) * 90_000);
  const clientIp = pick(world.sensitive.ip, seed, 'line ip', tick);
  const email = pick(world.sensitive.email, seed, 'line mail', tick);
  return {
    id: `AZ${hex(22, seed, 'line id', tick)}`,
    timestamp: isoTime(tick * TICK_MS + Math.floor(unit(seed, 'line at', tick) * TICK_MS)),
    status,
    service: host.service,
    host: host.name,
    message: messageOf(seed, tick, { status, durationMs, order, email }),
    traceId: hex(32, seed, 'trace', Math.floor(tick / 3)),
    spanId: hex(16, seed, 'span', tick),
    tags: [`env:${host.env}`, `service:${host.service}`, `host:${host.name}`, `availability-zone:${host.zone}`, `version:2026.${11 + (tick % 2)}.${tick % 5}`],
    attributes: {
      duration_ms: durationMs,
      order_id: order,
      http: { method: 'POST', status_code: status === 'error' ? 504 : 200, url_details: { path: `/api/${host.service}/orders/${order}` } },
      network: { client: { ip: clientIp } },
      user: { id: `u-${order % 9973}`, email },
    },
  };
}

interface Told {
  readonly status: LogLine['status'];
  readonly durationMs: number;
  readonly order: number;
  readonly email: string;
}

function messageOf(seed: number, tick: number, told: Told): string {
  const { order, durationMs, email } = told;
  const texts = {
    info: [
      `order ${order} accepted in ${durationMs} ms`,
      `cache hit for basket of order ${order}`,
      `confirmation for order ${order} queued to ${email}`,
      `stock reserved for order ${order}`,
    ],
    warn: [
      `retry 1 of 3 for order ${order} after ${durationMs} ms`,
      `connection pool at 91 % (38 of 42)`,
      `slow query on orders_by_customer: ${durationMs} ms`,
    ],
    error: [
      `payment gateway timeout after ${durationMs} ms for order ${order}`,
      `could not charge customer ${email}: upstream returned 504`,
      `deadlock detected while updating order ${order}; transaction rolled back`,
    ],
  };
  return pick(texts[told.status], seed, 'line text', tick);
}
