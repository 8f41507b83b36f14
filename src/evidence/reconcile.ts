// Two vantage points on one session: what the laptop recorded against what the gateway recorded, exchange by exchange (DESIGN §7, RULES R3).
// It compares MACs and needs no key.
import type { ExchangeId } from '../base/ids.ts';
import type { Leaf } from './leaf.ts';

/**
 * `matched`: both recorded the same. `truncated`: one side saw less, because the exchange was given up or broke off. `laptop_pending`: the
 * laptop's part has not come yet. `no_laptop_record`: the client came without a forwarder. `missing`: one side should have a record
 * and has none. `differs`: both have one, of different bytes.
 */
export const reconcileStates = ['matched', 'truncated', 'laptop_pending', 'no_laptop_record', 'missing', 'differs'] as const;
export type ReconcileState = (typeof reconcileStates)[number];

export interface ReconciledExchange {
  readonly exchange: ExchangeId;
  readonly state: ReconcileState;
  /** What was found, for people; absent where it matched. */
  readonly why?: string;
}

export interface Reconciliation {
  readonly counts: Readonly<Record<ReconcileState, number>>;
  /** In the order in which they began at the laptop, then those that only the gateway has. */
  readonly exchanges: readonly ReconciledExchange[];
}

/** How much of the laptop's log there is: all of it, a part that more may follow, or none because no forwarder was used. */
export type LaptopPart = 'complete' | 'pending' | 'none';

interface Side {
  readonly up: Leaf[];
  /** Messages to the client, without the mere ends of exchanges. */
  readonly down: Leaf[];
  /** True where this side refused the call, and it went no further. */
  denied: boolean;
  /** True where the call waited for an approval here. */
  held: boolean;
  /** True where the exchange came to its end as the upstream ended it. */
  answered: boolean;
  /** True where it ended otherwise, or has not ended. */
  broken: boolean;
}

/** Reconciles the leaves of both logs of a session. */
export function reconcile(laptop: Iterable<Leaf>, gateway: Iterable<Leaf>, part: LaptopPart): Reconciliation {
  const ours = sidesOf(laptop);
  const theirs = sidesOf(gateway);
  const counts = Object.fromEntries(reconcileStates.map((state) => [state, 0])) as Record<ReconcileState, number>;
  const exchanges: ReconciledExchange[] = [];
  for (const exchange of new Set([...ours.keys(), ...theirs.keys()])) {
    const found = compare(ours.get(exchange), theirs.get(exchange), part);
    counts[found.state]++;
    exchanges.push({ exchange, ...found });
  }
  return { counts, exchanges };
}

type Verdict = Omit<ReconciledExchange, 'exchange'>;

function compare(laptop: Side | undefined, gateway: Side | undefined, part: LaptopPart): Verdict {
  if (laptop === undefined) {
    if (part === 'none') return { state: 'no_laptop_record', why: 'the client used no forwarder' };
    return part === 'pending'
      ? { state: 'laptop_pending', why: 'the laptop’s record has not come yet' }
      : { state: 'missing', why: 'the gateway recorded this call, the laptop’s whole log does not have it' };
  }
  if (gateway === undefined) {
    if (laptop.denied) return { state: 'matched' };
    if (laptop.broken) return { state: 'truncated', why: 'the call ended at the laptop before the gateway had it' };
    return { state: 'missing', why: 'the laptop recorded this call, the gateway does not have it' };
  }
  if (laptop.denied) return { state: 'differs', why: 'the laptop says that it refused this call, and the gateway got it' };
  return compareUp(laptop, gateway) ?? compareDown(laptop, gateway, part);
}

function compareUp(laptop: Side, gateway: Side): Verdict | undefined {
  const [came] = gateway.up;
  const isOther = (sent: Leaf): boolean => came !== undefined && sent.messageNumber !== undefined && !isSame(sent, came);
  if (!laptop.up.some(isOther)) return undefined;
  return { state: 'differs', why: 'the request that the gateway got is not the one that the laptop recorded' };
}

function compareDown(laptop: Side, gateway: Side, part: LaptopPart): Verdict {
  for (const [at, message] of laptop.down.entries()) {
    if (message.messageNumber !== at) return { state: 'differs', why: `the laptop’s log has another message than number ${at} in its place` };
    const expected = gateway.down[at];
    if (mayBeOwnWords(gateway, at) && isFailure(message)) continue;
    if (expected === undefined) return { state: 'missing', why: 'the laptop recorded an answer that the gateway does not have' };
    if (!isSame(message, expected)) return { state: 'differs', why: 'an answer that reached the laptop is not the one that the gateway passed on' };
  }
  const left = gateway.down.length - laptop.down.length;
  if (left <= 0) return { state: 'matched' };
  if (part === 'pending') return { state: 'laptop_pending', why: 'the rest of the laptop’s record has not come yet' };
  if (laptop.broken || gateway.broken) return { state: 'truncated', why: `${left} more messages were on their way when the call was given up` };
  return { state: 'missing', why: `${left} messages that the gateway passed on are not in the laptop’s log` };
}

/**
 * True where message `at` may be one that the gateway made itself: the last, in place of an answer. It tells of a denial, a hold or a failure, and
 * the gateway's entry of that has no MAC of it. To a client that waited, it also stands for an upstream's answer that no event can carry.
 */
function mayBeOwnWords({ down, denied, held, answered, broken }: Side, at: number): boolean {
  const last = down.at(-1);
  if (at === down.length) return !answered && (denied || held || broken);
  return held && last !== undefined && at === down.length - 1 && (last.status !== 200 || last.message === 'http' || last.message === 'opaque');
}

function isFailure({ failed, message }: Leaf): boolean {
  return failed || message === 'batch';
}

function sidesOf(leaves: Iterable<Leaf>): Map<ExchangeId, Side> {
  const sides = new Map<ExchangeId, Side>();
  for (const leaf of leaves) {
    // What a server's process did is noted where it runs, and is nothing that passed between the two.
    if (leaf.exchange === undefined || leaf.message === 'process') continue;
    const side = sides.get(leaf.exchange) ?? { up: [], down: [], denied: false, held: false, answered: false, broken: false };
    sides.set(leaf.exchange, side);
    add(side, leaf);
  }
  for (const side of sides.values()) side.broken ||= !side.answered && !side.denied;
  return sides;
}

function add(side: Side, leaf: Leaf): void {
  const { kind, decision, direction, message, final, status } = leaf;
  if (decision?.effect === 'hold') side.held = true;
  if (kind === 'decision' && decision?.effect === 'deny' && final) side.denied = true;
  if (direction === 'up') side.up.push(leaf);
  else if (direction === 'down' && kind === 'message' && message !== 'end') side.down.push(leaf);
  // The upstream's own end has its status; where there is none, we noted that the exchange broke off.
  if (direction === 'down' && kind === 'message' && message === 'end' && status === undefined) side.broken = true;
  else if (direction === 'down' && kind === 'message' && final) side.answered = true;
}

function isSame(a: Leaf, b: Leaf): boolean {
  if (a.mac === undefined || b.mac === undefined) return a.mac === b.mac && a.wireBytes === b.wireBytes;
  return Buffer.compare(a.mac, b.mac) === 0;
}
