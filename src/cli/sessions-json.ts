// The machine-readable form of recorded exchanges. A payload that is JSON stands in it as it was recorded: no digit and no repeated key is lost.
import { escapeHostileJson } from '../base/hostile.ts';
import { parseJson } from '../base/json.ts';
import type { StoredEntry } from '../evidence/seal.ts';
import type { SessionSummary } from '../journal/session-rows.ts';
import { payloadText, type RecordedExchange } from '../tui/recording.ts';

/** An exchange without its messages; `entries` are the positions of its entries in the log. */
export function exchangeOutline({ request, answers, ...facts }: RecordedExchange) {
  return { ...facts, entries: (request === undefined ? answers : [request, ...answers]).map(({ index }) => index) };
}

/** One JSON document with the exchange and its entries, whole. Safe to print. */
export function exchangeJson(session: SessionSummary, exchange: RecordedExchange, entries: readonly StoredEntry[]): string {
  const head = JSON.stringify({ sessionId: session.sessionId, ...exchangeOutline(exchange), entries: undefined });
  return escapeHostileJson(`${head.slice(0, -1)},"entries":[${entries.map(entryJson).join(',')}]}`);
}

function entryJson({ index, leaf, names, payload }: StoredEntry): string {
  const { kind, direction, message, wallMs, monoUs, final, status, failed, decision, maskedCount, wireBytes, storedBytes, maskerVersion } = leaf;
  const facts = JSON.stringify({
    index,
    kind,
    direction,
    message,
    wallMs,
    monoUs,
    final,
    status,
    failed,
    decision,
    maskedCount,
    wireBytes,
    storedBytes,
    maskerVersion,
    policyHash: hex(leaf.policyHash),
    payloadCommitment: hex(leaf.payloadCommitment),
    namesCommitment: hex(leaf.namesCommitment),
    mac: hex(leaf.mac),
    messageNumber: leaf.messageNumber,
    names,
  });
  return payload === undefined ? facts : `${facts.slice(0, -1)},${payloadMember(payloadText(payload))}}`;
}

// Line breaks between the tokens would break one document into several lines; within strings JSON has none.
function payloadMember(text: string): string {
  return parseJson(text).type === 'fault' ? `"text":${JSON.stringify(text)}` : `"payload":${text.replace(/[\r\n]/g, ' ')}`;
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}
