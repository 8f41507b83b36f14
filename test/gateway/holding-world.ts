// A gateway with rules that hold, people who may decide, and an upstream that says what it got. The tests of approvals run in it.

import { join } from 'node:path';
import type { LogId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import { decodeLeaf } from '../../src/evidence/leaf.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Caller } from './caller.ts';
import type { HeldGrant } from './held-grant.ts';
import type { TestWorld, WorldOptions } from './support.ts';

export const rules = `
rules:
  - { id: prod-mutes, hold: { approvers: [sre-leads], within: 10m }, tools: ["mute_*"], message: Muting wants a second pair of eyes. }
  - { id: brief, hold: { approvers: [sre-leads], within: 1m }, tools: ["brief_*"] }
  - { id: two-eyes, hold: { approvers: [sre-leads], min: 2 }, tools: ["drop_*"] }
  - { id: shown, hold: { approvers: [sre-leads], reveal: approvers }, tools: ["reveal_*"] }
  - { id: unmasked-only, hold: { approvers: [sre-leads], masked_arguments: deny }, tools: ["mail_*"] }
  - { id: reads, hold: { approvers: [sre-leads] }, methods: ["resources/read"] }
  - { id: posts, hold: { approvers: [sre-leads] }, connections: [api], methods: ["POST *"] }
`;

/** The rules above in place of those of every world, and a wait of a moment. */
export function holding(edit: (yaml: string) => string = (yaml) => yaml): WorldOptions {
  return {
    edit: (yaml) =>
      edit(
        yaml
          .replace(/\nrules: .*\n/, rules)
          .replace('connections:\n', 'connections:\n  api: { kind: http, upstream: "UPSTREAM", paths: ["/*"], record: full }\n')
          .replace('[datadog, quiet]', '[datadog, quiet, api]')
          .concat('hold_wait: 300ms\n'),
      ),
  };
}

export interface Call {
  readonly id?: number;
  readonly tool?: string;
  readonly args?: string;
  readonly extra?: string;
}

/** A tools/call as text, so that every lexeme is the test's own. */
export function callText({ id = 1, tool = 'mute_monitor', args = '{"monitor_id":7}', extra = '' }: Call = {}): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}","arguments":${args}${extra}}}`;
}

export interface HeldAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The data of its events, or the one message of a JSON body. */
  // biome-ignore lint/suspicious/noExplicitAny: the tests read answers of every shape
  readonly messages: readonly any[];
  /** Lines that are comments. */
  readonly comments: number;
}

/** Sends a body as a forwarder does, and reads the whole answer. */
export async function sendHeld(grant: HeldGrant, body: string, headers: Readonly<Record<string, string>> = {}): Promise<HeldAnswer> {
  return readHeld(await grant.open({ body, headers }));
}

export async function readHeld(response: Response): Promise<HeldAnswer> {
  const text = await response.text();
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  // As a client reads them: the data lines of one event are one text.
  const events = text.split('\n\n').map((event) => event.split('\n').filter((line) => line.startsWith('data: ')));
  const data = isStream ? events.flatMap((lines) => (lines.length === 0 ? [] : [lines.map((line) => line.slice(6)).join('\n')])) : text === '' ? [] : [text];
  return {
    status: response.status,
    headers: response.headers,
    text,
    messages: data.map((line) => JSON.parse(line)),
    comments: text.split('\n').filter((line) => line.startsWith(':')).length,
  };
}

/** The approval that waits and was asked for last, as that caller sees it. */
export async function latest(caller: Caller, all = false) {
  const { body } = await caller.call('GET', `/v1/approvals${all ? '?all=1' : ''}`);
  return body.approvals[0];
}

/** Kinds, effects and outcomes of the gateway's own log of a session; the gateway must be stopped. */
export async function loggedOutcomes(world: TestWorld, sessionId: string): Promise<string[]> {
  const store = openSqliteStore(join(world.directory, 'gateway.db'), { clock: world.clock, random: systemRandom });
  try {
    const session = await store.session(sessionId as never);
    const own = session?.logs.find((log) => log.vantage === 'gateway');
    const rows = await store.entries(own?.logId as LogId, 0, 1000);
    return rows.flatMap(({ leaf, payload }) => {
      const { kind, decision, message } = decodeLeaf(leaf);
      if (kind === 'approval') return [`approval ${JSON.parse(Buffer.from(payload?.bytes ?? new Uint8Array()).toString()).outcome}`];
      return kind === 'open' || kind === 'close' ? [kind] : [`${kind} ${message} ${decision?.effect ?? ''}`.trim()];
    });
  } finally {
    await store.close();
  }
}
