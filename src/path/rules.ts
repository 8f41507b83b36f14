// What the steps of the data path are told about the session and the hop they run for.
import { createHmac, type KeyObject } from 'node:crypto';
import type { ConnectionKind, RecordMode, WitnessMode } from '../base/connection.ts';
import type { ExchangeId, IdSource } from '../base/ids.ts';
import type { Masker } from '../mask/masker.ts';
import type { CallMask, Policy } from '../policy/call.ts';
import { compileProjection, type Ledger } from '../policy/compile.ts';
import type { ConditionLanguage } from '../policy/condition.ts';
import { type PolicyContext, someoneIn } from '../policy/context.ts';
import type { Projection } from '../policy/projection.ts';
import { epochKey, type Masking, Maskings } from './masking.ts';
import { OutputSchemas } from './output-schemas.ts';

/** One session at one hop. A policy reload or a renewed projection makes a new value. */
export interface PathRules {
  readonly connection: string;
  readonly kind: ConnectionKind;
  readonly record: RecordMode;
  readonly policy: Policy;
  /** What masks the record where no `mask` rule adds to it. */
  readonly masker: Masker;
  /** The maskers of a call for which such rules hold. */
  maskingOf(masks: readonly CallMask[] | undefined): Masking;
  /** The maskers of a message that answers no call that is known here, as one on a resumed stream: what any rule could add. */
  readonly maskingOfUnknown: Masking;
  /** True at the hop that changes what is on the wire: the gateway, or the forwarder where there is none. */
  readonly masksWire: boolean;
  /** What the connection's tools say of their output; undefined at a hop that does not mask answers for the client. */
  readonly outputs: OutputSchemas | undefined;
  /** What to do with an answer that cannot be masked although it must be (DESIGN §4, rule 3). */
  readonly unmaskable: 'refuse' | 'pass';
  readonly witness: WitnessMode;
  /** First 16 bytes of HMAC-SHA-256 under the session's reconcile key (RULES R3). */
  readonly mac: (bytes: Uint8Array) => Uint8Array;
  /** The same over bytes that come piece by piece and are not kept. */
  readonly startMac: () => RunningMac;
  readonly ids: IdSource;
}

export interface RunningMac {
  update(bytes: Uint8Array): void;
  /** Call it once, after the last `update`. */
  end(): Uint8Array;
}

export interface RulesParts {
  /** The session's reconcile key. */
  readonly reconcileKey: KeyObject;
  readonly ids: IdSource;
  /** Who calls, in which session: what conditions are about. Left out where nobody was asked (solo). */
  readonly caller?: Omit<PolicyContext, 'nowMs'>;
  readonly conditions: ConditionLanguage;
  /** Counts calls; the gateway's. */
  readonly ledger?: Ledger;
  /** Adds to the compiled policy what only this hop knows. */
  readonly guard?: (policy: Policy) => Policy;
  /** At the gateway only (RULES R3). */
  readonly pseudonymKey?: Uint8Array;
  /** True at the hop that masks what is on the wire: the gateway, or the forwarder where there is none. */
  readonly masksForClient: boolean;
  /** What other sessions on the connection have learnt already. */
  readonly outputs?: OutputSchemas;
}

const MAC_BYTES = 16;

/** The rules of a session whose policy is `projection`. Compiles policy and masker: once per projection, not per call. */
export function rulesOf(projection: Projection, parts: RulesParts): PathRules {
  const { name, kind, record, unmaskable, witness } = projection.connection;
  const { mask } = projection;
  const maskings = new Maskings({
    settings: mask,
    apply: mask.apply,
    masksWire: parts.masksForClient,
    pseudonymKey: parts.pseudonymKey && epochKey(parts.pseudonymKey, mask.pseudonymEpochMs, parts.ids.clock.wallMs()),
  });
  const nowMs = () => parts.ids.clock.wallMs();
  const policy = compileProjection(projection, { ...someoneIn([], nowMs), ...parts.caller, nowMs }, parts);
  const startMac = (): RunningMac => {
    const hmac = createHmac('sha256', parts.reconcileKey);
    return { update: (bytes) => void hmac.update(bytes), end: () => hmac.digest().subarray(0, MAC_BYTES) };
  };
  return {
    connection: name,
    kind,
    record,
    policy: parts.guard?.(policy) ?? policy,
    masker: maskings.own.record,
    maskingOf: (masks) => maskings.of(masks),
    maskingOfUnknown: maskings.of(projection.rules.flatMap((rule) => (rule.effect === 'mask' ? [{ rule: rule.id, ...rule.mask }] : []))),
    masksWire: parts.masksForClient,
    outputs: parts.masksForClient ? (parts.outputs ?? new OutputSchemas()) : undefined,
    unmaskable,
    witness,
    mac: (bytes) => createHmac('sha256', parts.reconcileKey).update(bytes).digest().subarray(0, MAC_BYTES),
    startMac,
    ids: parts.ids,
  };
}

/** What the answer steps need to remember of a request that was let through. */
export interface OpenExchange {
  readonly exchange: ExchangeId;
  /** What masks the messages that answer none of the requests below. */
  readonly masking: Masking;
  /** JSON-RPC methods of the requests in the body, in order; empty for anything but MCP requests. */
  readonly requests: readonly OpenRequest[];
}

/** A request of another exchange that a message answers: its own stream broke off, and this one was opened to take it up again. */
export interface EarlierRequest {
  readonly exchange: ExchangeId;
  readonly request: OpenRequest;
  /** True where its answer is recorded already: this one is played once more. */
  readonly isAnswered: boolean;
}

export interface OpenRequest {
  readonly idLexeme: string;
  readonly method: string;
  /** `tools/call`: the tool's name. */
  readonly tool?: string;
  readonly masking: Masking;
}
