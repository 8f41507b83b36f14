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
  /** True where this side answered by itself, or waited for an approval. */
  intervened: boolean;
  /** True where the exchange ended without its whole answer. */
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
    if (laptop.intervened) return { state: 'matched' };
    if (laptop.broken) return { state: 'truncated', why: 'the call ended at the laptop before the gateway had it' };
    return { state: 'missing', why: 'the laptop recorded this call, the gateway does not have it' };
  }
  return compareUp(laptop, gateway) ?? compareDown(laptop, gateway, part);
}

function compareUp(laptop: Side, gateway: Side): Verdict | undefined {
  const [sent] = laptop.up;
  const [came] = gateway.up;
  if (sent === undefined || came === undefined || sent.mac === undefined || came.mac === undefined) return undefined;
  if (same(sent.mac, came.mac)) return undefined;
  return { state: 'differs', why: 'the request that the gateway got is not the one that the laptop recorded' };
}

function compareDown(laptop: Side, gateway: Side, part: LaptopPart): Verdict {
  let at = 0;
  let extra = 0;
  for (const message of laptop.down) {
    const expected = gateway.down[at];
    if (expected !== undefined && isSame(message, expected)) at++;
    else if (gateway.intervened || gateway.broken) extra++;
    else if (expected === undefined) return { state: 'missing', why: 'the laptop recorded an answer that the gateway does not have' };
    else if (laptop.broken) return { state: 'truncated', why: 'the answer broke off on its way to the laptop' };
    else return { state: 'differs', why: 'an answer that reached the laptop is not the one that the gateway passed on' };
  }
  const left = gateway.down.length - at;
  // What the gateway says by itself (a denial, a keep-alive, a failure) comes besides what it passed on, never in place of it.
  if (left === 0) return { state: 'matched' };
  if (extra > 0 && !gateway.broken && !laptop.broken)
    return { state: 'differs', why: 'an answer that reached the laptop is not the one that the gateway passed on' };
  if (laptop.broken || gateway.broken) return { state: 'truncated', why: `${left} more messages were on their way when the call was given up` };
  if (part === 'pending') return { state: 'laptop_pending', why: 'the rest of the laptop’s record has not come yet' };
  return { state: 'missing', why: `${left} messages that the gateway passed on are not in the laptop’s log` };
}

function sidesOf(leaves: Iterable<Leaf>): Map<ExchangeId, Side> {
  const sides = new Map<ExchangeId, Side>();
  for (const leaf of leaves) {
    if (leaf.exchange === undefined) continue;
    const side = sides.get(leaf.exchange) ?? { up: [], down: [], intervened: false, broken: false };
    sides.set(leaf.exchange, side);
    add(side, leaf);
  }
  // An exchange whose last entry is missing ended with its process.
  for (const side of sides.values()) if (!side.intervened && side.down.length === 0) side.broken = true;
  return sides;
}

function add(side: Side, leaf: Leaf): void {
  const effect = leaf.decision?.effect;
  if (effect === 'deny' || effect === 'hold' || leaf.kind === 'approval') side.intervened = true;
  if (leaf.direction === 'up') side.up.push(leaf);
  else if (leaf.message === 'end') side.broken ||= leaf.namesCommitment !== undefined || leaf.failed;
  else if (leaf.direction === 'down') side.down.push(leaf);
}

function isSame(a: Leaf, b: Leaf): boolean {
  if (a.mac === undefined || b.mac === undefined) return a.mac === b.mac && a.wireBytes === b.wireBytes;
  return same(a.mac, b.mac);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
