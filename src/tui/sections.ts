// An exchange as sections to read: the request, each answer, and what the record says of them. Screens and plain text show the same.
import type { EntryDecision, EntryKind, Names } from '../evidence/entry.ts';
import type { Leaf } from '../evidence/leaf.ts';
import type { StoredEntry } from '../evidence/seal.ts';
import { type PrettyBounds, type PrettyLine, prettyPayload } from './pretty.ts';
import { type OutlineEntry, payloadText, type RecordedExchange } from './recording.ts';
import { clockText, countText, durationText, outcomeText, sizeText } from './words.ts';

/** Label and value; the value may be hostile. */
export type Fact = readonly [label: string, value: string];

export interface Section {
  readonly title: string;
  readonly facts: readonly Fact[];
  readonly lines: readonly PrettyLine[];
}

/** What an exchange was about, in one line; may be hostile. */
export function labelOf(exchange: Pick<RecordedExchange, 'method' | 'tool' | 'uri' | 'request'>): string {
  const { method, tool, uri, request } = exchange;
  if (tool !== undefined) return tool;
  return [method, uri].filter((part) => part !== undefined).join(' ') || (request?.erased ? 'erased' : 'not decodable');
}

/** Where a denied or refused exchange was stopped, or how it ended, in a few words; empty for a plain success. May be hostile. */
export function remarkOf(exchange: RecordedExchange): string {
  if (exchange.rule !== undefined) return `rule ${exchange.rule}`;
  const note = exchange.answers.findLast((entry) => entry.names?.note !== undefined)?.names?.note;
  if (note !== undefined && note !== 'stream_ended') return noteText(note);
  if (exchange.outcome === 'failed' && exchange.status !== undefined && exchange.status >= 400) return `HTTP ${exchange.status}`;
  return exchange.parent === undefined ? '' : 'continues another';
}

/** One entry of a replay in a line: which way, what about, how it went. May be hostile. */
export function momentText(entry: OutlineEntry, exchange: RecordedExchange | undefined): string {
  const { kind, direction, message, status, failed, decision, wireBytes, maskedCount } = entry.leaf;
  if (exchange === undefined) return eventText(kind);
  const facts = [
    ...(message === undefined || message === 'end' || (direction === 'up' && message === 'request')
      ? []
      : [(direction === 'down' ? entry.names?.method : undefined) ?? message]),
    ...(decision?.effect === 'deny' ? [`denied by ${decision.rule ?? 'policy'}`] : []),
    ...(status === undefined || status < 400 ? [] : [`HTTP ${status}`]),
    ...(failed ? ['failed'] : []),
    ...(entry.names?.note === undefined || direction === 'up' ? [] : [noteText(entry.names.note)]),
    ...(wireBytes > 0 ? [sizeText(wireBytes)] : []),
    ...(maskedCount > 0 ? [`${maskedCount} masked`] : []),
  ];
  return [`${direction === 'down' ? '←' : '→'} ${labelOf(exchange)}`, facts.join(' · ')].filter((text) => text !== '').join('   ');
}

/** What happened to the session itself. */
export function eventText(kind: EntryKind): string {
  switch (kind) {
    case 'open':
      return 'the session was opened';
    case 'close':
      return 'the session was closed';
    case 'crashed':
      return 'the recording process had ended without closing the session';
    case 'gap':
      return 'a gap: something is missing from the record here';
    case 'clock':
      return 'the wall clock was set back';
    case 'approval':
      return 'an approval was decided, used or over';
    case 'heartbeat':
      return 'the session was open';
    case 'restart':
      return 'the recording process started anew';
    case 'overflow':
      return 'entries are missing here: more came at once than could be written';
    case 'message':
    case 'decision':
    case 'index':
    case 'opened':
    case 'ended':
    case 'key-change':
    case 'erasure':
    case 'retention':
    case 'grant-request':
      return kind;
  }
}

/** The facts of an exchange as a whole. */
export function exchangeFacts(exchange: RecordedExchange): Fact[] {
  const { parent, method, tool, uri, rule, durationMs, maskedCount, wireBytes, answers } = exchange;
  return [
    ['exchange', exchange.exchange],
    ...(parent !== undefined ? [['goes on from', parent] as const] : []),
    ...(method !== undefined ? [['method', method] as const] : []),
    ...(tool !== undefined ? [['tool', tool] as const] : []),
    ...(uri !== undefined ? [['uri', uri] as const] : []),
    ['outcome', `${exchange.outcome}: ${outcomeText(exchange.outcome)}`],
    ...(rule !== undefined ? [['rule', rule] as const] : []),
    ['began', `${clockText(exchange.startedMs)} UTC${durationMs === undefined || answers.length === 0 ? '' : `, took ${durationText(durationMs)}`}`],
    ['size', `${sizeText(wireBytes)} on the wire, ${countText(answers.length, 'entry', 'entries')} after the request`],
    ['masked', countText(maskedCount, 'value')],
  ];
}

/** One section for each entry, in order. `from` is the exchange's first entry. */
export function sectionsOf(entries: readonly StoredEntry[], bounds: PrettyBounds): Section[] {
  const [first] = entries;
  return entries.map((entry) => ({
    title: titleOf(entry, first),
    facts: namesFacts(entry.names ?? {}, entry.leaf),
    lines:
      entry.payload === undefined ? [{ indent: 0, parts: [{ text: whyNothing(entry), style: 'note' }] }] : prettyPayload(payloadText(entry.payload), bounds),
  }));
}

/** What the record itself says of each entry: where it stands, under which policy and masker, and its digests. */
export function evidenceFacts({ index, leaf }: StoredEntry): Fact[] {
  return [
    ['entry', `${index} of ${leaf.logId}`],
    ['time', `${new Date(leaf.wallMs).toISOString()}, ${leaf.monoUs} µs after its process began`],
    ...(leaf.decision ? [['decision', decisionText(leaf.decision)] as const] : []),
    ['size', `${leaf.wireBytes} bytes on the wire, ${leaf.storedBytes} stored, ${countText(leaf.maskedCount, 'value')} masked`],
    ...(leaf.policyHash ? [['policy', hex(leaf.policyHash)] as const] : []),
    ...(leaf.maskerVersion !== undefined ? [['masker', leaf.maskerVersion] as const] : []),
    ...(leaf.payloadCommitment ? [['payload', hex(leaf.payloadCommitment)] as const] : []),
    ...(leaf.namesCommitment ? [['names', hex(leaf.namesCommitment)] as const] : []),
    ...(leaf.mac ? [['mac', hex(leaf.mac)] as const] : []),
  ];
}

function titleOf({ index, leaf }: StoredEntry, first: StoredEntry | undefined): string {
  const arrow = leaf.direction === 'down' ? '←' : '→';
  const what = leaf.message ?? leaf.kind;
  const at = first === undefined || first.index === index ? clockText(leaf.wallMs) : `+${durationText(Math.max(0, leaf.monoUs - first.leaf.monoUs) / 1000)}`;
  const facts = [
    at,
    ...(leaf.status === undefined ? [] : [`HTTP ${leaf.status}`]),
    ...(leaf.failed ? ['failed'] : []),
    ...(leaf.wireBytes > 0 ? [sizeText(leaf.wireBytes)] : []),
    ...(leaf.maskedCount > 0 ? [`${leaf.maskedCount} masked`] : []),
    `entry ${index}`,
  ];
  return `${arrow} ${what}  ${facts.join(' · ')}`;
}

function namesFacts({ headers, metrics, checks, events, prompt, note }: Names, leaf: Leaf): Fact[] {
  return [
    ...(leaf.decision?.effect === 'deny' ? [['decision', decisionText(leaf.decision)] as const] : []),
    ...(prompt !== undefined ? [['prompt', prompt] as const] : []),
    ...counted('metrics', metrics),
    ...counted('checks', checks),
    ...counted('events', events),
    ...(note !== undefined ? [['note', noteText(note)] as const] : []),
    ...Object.entries(headers ?? {}).map(([name, value]) => [name, value] as const),
  ];
}

function counted(label: string, names: Readonly<Record<string, number>> | undefined): Fact[] {
  if (names === undefined) return [];
  return [
    [
      label,
      Object.entries(names)
        .map(([name, count]) => `${name} ×${count}`)
        .join(', '),
    ],
  ];
}

function decisionText({ effect, rule, id }: EntryDecision): string {
  return [effect, ...(rule === undefined ? [] : [`rule ${rule}`]), id].join(', ');
}

function noteText(note: string): string {
  switch (note) {
    case 'client_gone':
      return 'client went away';
    case 'upstream_lost':
      return 'upstream broke off';
    case 'upstream_unreachable':
      return 'upstream unreachable';
    case 'upstream_turned_away':
      return 'upstream refused our credential';
    case 'upstream_timeout':
      return 'upstream timed out';
    case 'stream_ended':
      return 'stream ended';
    default:
      return note;
  }
}

function whyNothing({ leaf }: StoredEntry): string {
  if (leaf.message === 'end') return 'the exchange ended here without a message';
  if (leaf.message === 'opaque') return 'not kept: it could not be decoded, so that only length and MAC are recorded';
  if (leaf.payloadCommitment !== undefined) return 'erased';
  return leaf.wireBytes === 0 ? 'no body' : 'not recorded: this connection records no contents';
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
