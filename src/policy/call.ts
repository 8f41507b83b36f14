// What policy is asked about and what it answers: the contract with the data path.
import type { DetectorName, FieldAction, MaskPlace } from '../base/detectors.ts';
import type { JsonNode } from '../base/json.ts';
import type { ServerRequestKind } from './words.ts';

/** Stands as the method of a client's answer to a request of the server, which has none of its own; such a call is `oneWay`. */
export const ANSWER_METHOD = 'response';

/** One call as policy sees it: read once at the edge, by the same reading that the upstream does (RULES R7). */
export interface Call {
  /** JSON-RPC method, `ANSWER_METHOD`, or for intake and HTTP connections the verb and the normalised path: `POST /api/v2/series`. */
  readonly method: string;
  /** `tools/call`: the tool's name. */
  readonly tool?: string;
  /** `resources/read`, `resources/subscribe`, `resources/unsubscribe`: the URI. */
  readonly uri?: string;
  /** `prompts/get`: the prompt's name. */
  readonly prompt?: string;
  /**
   * `params.arguments` of `tools/call` and `prompts/get`, `params` of any other method (RULES R9), numbers as written; undefined
   * where there are none. Policy reads it for `completion/complete` and `subscriptions/listen`.
   */
  readonly args?: JsonNode;
  /** Series, distribution and metric names in an intake body; undefined where its kind of body has none. */
  readonly metrics?: readonly string[];
  /** Names of service checks in an intake body; undefined where its kind of body has none. */
  readonly checks?: readonly string[];
  /** Titles of events in an intake body; undefined where its kind of body has none. */
  readonly events?: readonly string[];
  /** The tags of each series, check, event or log line in an intake body, read when asked for; undefined where there is no body. */
  readonly tagSets?: () => readonly (readonly string[])[];
  /** True for what a client sends without expecting an answer (notifications, answers to server requests). */
  readonly oneWay: boolean;
}

/**
 * The answer of policy. `rule` and, but for the names that the caller used, `reason` are text of ours or of the policy's author.
 * Deny beats hold, hold beats allow.
 */
export type Decision = Allow | Denial | Hold;

export interface Allow {
  readonly effect: 'allow';
  /** What `mask` rules add for this call to what is masked anyway; left out where no such rule matches. */
  readonly masks?: readonly CallMask[];
}

/** What one `mask` rule asks for. A plain value: mask/ compiles it, policy only says that it holds for this call. */
export interface CallMask {
  readonly rule: string;
  readonly fields: readonly { readonly path: string; readonly as: FieldAction }[];
  readonly detectors: readonly DetectorName[];
  /** Where: `record`, the answer on its way to the client, the request on its way to the upstream. */
  readonly apply: readonly MaskPlace[];
}

export interface Denial {
  readonly effect: 'deny';
  /** The rule's id, or `access` where no access entry grants the call. */
  readonly rule: string;
  readonly reason: string;
  /** `access` does not grant it, so it must look as if it did not exist (RULES R11). */
  readonly hidden: boolean;
}

/** A call that waits for a human. Only the gateway parks it; solo asks in the terminal. */
export interface Hold {
  readonly effect: 'hold';
  readonly rule: string;
  /** SHA-256 of the rule in its canonical form, 32 bytes: an approval is bound to it, so that a changed rule is asked anew. */
  readonly ruleDigest: Uint8Array;
  /** The rule's message. */
  readonly reason: string;
  /** Groups whose members may approve. */
  readonly approvers: readonly string[];
  /** How many of them must, at least one. */
  readonly min: number;
  /** How long the hold, and an approval of it, is good for. */
  readonly withinMs: number;
  /** Approvers see the arguments unmasked. */
  readonly reveal?: 'approvers';
  /** The call is denied where any of its arguments is masked for the approvers. */
  readonly maskedArguments?: 'deny';
  /** The form of a changed tool that its approvers accept with the call (`tool_changes`); left out where they accept none. */
  readonly accepts?: Uint8Array;
  /** As with `allow`: what `mask` rules add once the call goes through. */
  readonly masks?: readonly CallMask[];
}

/** A call that is over its budget (`calls` of an access entry). */
export interface Overspent {
  readonly reason: string;
  /** After how long one more is free; undefined where none will be in this session. */
  readonly retryAfterMs: number | undefined;
}

/** Policy, compiled for one identity on one connection. Immutable; a reload makes a new one. */
export interface Policy {
  /** SHA-256 of the configuration's policy part, 32 bytes. Stands in every entry that a decision made. */
  readonly hash: Uint8Array;
  /** Costs microseconds and changes nothing: a held call is asked about again when it is used. */
  decide(call: Call): Decision;
  /** Takes an allowed call off its budget; says where there is none left. Only a policy with a ledger (the gateway's) counts. */
  spend(call: Call): Overspent | undefined;
  /** The metrics that the queries among the arguments of a tool name, for the record; none where that cannot be told. */
  metricsOf(call: Call): readonly string[];
  /** What the server may ask of the client. */
  readonly serverRequests: ReadonlySet<ServerRequestKind>;
  /** True where a listed tool, resource (or template of resources) or prompt of that name is to be shown. */
  shows(what: 'tool' | 'resource' | 'prompt', name: string): boolean;
  /** True where `shows` is true for everything, so that lists need not be read. */
  readonly showsAll: boolean;
}
