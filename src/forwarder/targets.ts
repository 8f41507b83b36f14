// What a forwarder connects to, and how a session to it is opened: straight to a URL (solo), or under a grant of a gateway.
import { asMcprecError } from '../base/errors.ts';
import { soloSigner } from '../identity/solo-key.ts';
import type { Journal } from '../journal/journal.ts';
import type { ApprovalSummary } from '../protocol/approvals.ts';
import type { SessionEvent } from '../protocol/control.ts';
import type { UpstreamPool } from '../transport/upstream.ts';
import type { GrantedSession } from './granted.ts';
import { openGranted } from './open-granted.ts';
import type { ForwarderOptions, Target } from './options.ts';
import { findPlace, type Place } from './places.ts';
import { Seat } from './seat.ts';
import { openSolo, soloName } from './solo.ts';

type ApprovalEvent = Extract<SessionEvent, { event: 'approval' }>;

/** The name of what a target connects to. */
export function targetName(target: Target): string {
  return target.kind === 'gateway' ? target.connection : soloName(target);
}

/** Ends a session that was opened in vain, because a later one could not be. */
export async function abandon(seat: Seat): Promise<void> {
  if (seat.granted === undefined) return seat.session.close('closed');
  await seat.granted.close();
  await seat.granted.tellClosed();
}

/** What the seats of one forwarder share. */
export interface SeatParts {
  readonly options: ForwarderOptions;
  readonly journal: Journal;
  readonly upstream: UpstreamPool;
  readonly relay: { changed: () => void; ended: (session: GrantedSession) => void };
}

/** Opens a session to the target, seated behind the place's local token. */
export async function openSeat(target: Target, place: Place, parts: SeatParts): Promise<Seat> {
  if (target.kind === 'gateway') {
    const granted = await openGranted(grantedOptions(target, place.localToken, parts));
    return new Seat(granted.session, granted);
  }
  const { options, journal, upstream, relay } = parts;
  const session = await openSolo({
    target,
    reason: options.reason,
    journal,
    upstream,
    localToken: place.localToken,
    ids: options.ids,
    client: { program: 'mcprec', version: options.version },
    changed: () => relay.changed(),
    signer: soloSigner(options.home),
    trouble: (error) => options.report({ event: 'trouble', message: `the log’s checkpoint could not be signed: ${asMcprecError(error).message}` }),
    said: (bytes) => options.report({ event: 'stderr', bytes }),
    askHold: options.askHold,
  });
  return new Seat(session);
}

/** How a session under a grant is opened for that target. */
export function grantedOptions(
  target: Extract<Target, { kind: 'gateway' }>,
  localToken: Place['localToken'],
  { options, journal, upstream, relay }: SeatParts,
) {
  return {
    identity: target.identity,
    wish: { connection: target.connection, reason: options.reason, ttlSeconds: options.ttlSeconds, version: options.version },
    journal,
    upstream,
    localToken,
    witnesses: options.witnesses ?? [],
    ids: options.ids,
    changed: () => relay.changed(),
    ended: (session: GrantedSession) => relay.ended(session),
    trouble: (message: string) => options.report({ event: 'trouble', message }),
    approval: ({ session }: GrantedSession, { approvalId, state, rule }: ApprovalEvent) =>
      options.report({ event: 'approval', connection: session.connection, approvalId, state, rule }),
    waiting: {
      ...options.approvalWait,
      pending: ({ connection, approvalId, link, approvers, min, expiresAtMs }: ApprovalSummary) =>
        options.report({ event: 'approval_pending', connection, approvalId, link, approvers, min, expiresAtMs }),
    },
  };
}

/** Under what the port and the local token of a target are remembered. */
export function placeKey(target: Target): string {
  switch (target.kind) {
    case 'solo':
      return `solo ${target.url.origin}${target.url.pathname}`;
    case 'command':
      return `command ${target.command.command.join(' ')}`;
    case 'gateway':
      return `${target.identity.gateway} ${target.connection}`;
  }
}

/** The place of a target: the remembered one, or for `exec` a new one that nobody remembers. */
export function placeOf(target: Target, { home, rotate, ephemeral, ids }: ForwarderOptions): Place {
  const place = findPlace(home, placeKey(target), { rotate: rotate || ephemeral, random: ids.random });
  return ephemeral ? { ...place, port: 0 } : place;
}
