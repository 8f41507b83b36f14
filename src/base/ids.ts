// Ids: UUIDv7 (RFC 9562) as 32 hex digits behind a prefix that says what they name, e.g. `ses_0199…`. They sort by time.
import type { Brand } from './brand.ts';
import type { Clock } from './clock.ts';
import type { RandomBytes } from './random.ts';

export type SessionId = Brand<string, 'SessionId'>;
export type ExchangeId = Brand<string, 'ExchangeId'>;
export type GrantId = Brand<string, 'GrantId'>;
export type DecisionId = Brand<string, 'DecisionId'>;
export type DeviceId = Brand<string, 'DeviceId'>;
/** Names one append-only log: `log_…`. */
export type LogId = Brand<string, 'LogId'>;
/** One request for an approval, of a grant or of a held call. */
export type ApprovalId = Brand<string, 'ApprovalId'>;
/** One event that webhooks are told of. */
export type EventId = Brand<string, 'EventId'>;

export interface IdKinds {
  readonly ses: SessionId;
  readonly exc: ExchangeId;
  readonly grt: GrantId;
  readonly dec: DecisionId;
  readonly dev: DeviceId;
  readonly log: LogId;
  readonly apr: ApprovalId;
  readonly evt: EventId;
}

/** What makes ids: the clock and the randomness of the process. */
export interface IdSource {
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export function newId<K extends keyof IdKinds>(kind: K, source: IdSource): IdKinds[K] {
  const bytes = source.random(16);
  let ms = source.clock.wallMs();
  for (let i = 5; i >= 0; i--) {
    bytes[i] = ms % 256;
    ms = Math.floor(ms / 256);
  }
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return `${kind}_${Buffer.from(bytes).toString('hex')}` as unknown as IdKinds[K];
}

const ID = /^(ses|exc|grt|dec|dev|log|apr|evt)_[0-9a-f]{32}$/;

/** The id if `text` is a whole, well-formed id of that kind, else undefined. */
export function parseId<K extends keyof IdKinds>(kind: K, text: string): IdKinds[K] | undefined {
  return ID.test(text) && text.startsWith(`${kind}_`) ? (text as unknown as IdKinds[K]) : undefined;
}

/** The 16 bytes of an id, without its prefix. */
export function idBytes(id: string): Uint8Array {
  return Buffer.from(id.slice(4), 'hex');
}

/** The id of that kind whose bytes are given. */
export function idFromBytes<K extends keyof IdKinds>(kind: K, bytes: Uint8Array): IdKinds[K] {
  return `${kind}_${Buffer.from(bytes).toString('hex')}` as unknown as IdKinds[K];
}
