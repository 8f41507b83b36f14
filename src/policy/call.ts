// What policy is asked about and what it answers. Types only.
import type { JsonNode } from '../base/json.ts';

/** One call as policy sees it: read once at the edge, by the same reading that the upstream does (RULES R7). */
export interface Call {
  /** JSON-RPC method, or for HTTP connections the verb and path: `POST /api/v2/series`. */
  readonly method: string;
  /** `tools/call`: the tool's name. */
  readonly tool?: string;
  /** `resources/read`, `resources/subscribe`: the URI. */
  readonly uri?: string;
  /** `prompts/get`: the prompt's name. */
  readonly prompt?: string;
  /** The arguments, unparsed numbers and all; undefined where there are none. */
  readonly args?: JsonNode;
  /** Series, distribution and metric names in an intake body. */
  readonly metrics?: readonly string[];
  readonly checks?: readonly string[];
  readonly events?: readonly string[];
  /** True for what a client sends without expecting an answer (notifications, answers to server requests). */
  readonly oneWay: boolean;
}

/** The answer of policy. `hidden`: `access` does not grant it, so it must look as if it did not exist (RULES R11). */
export type Decision = { readonly effect: 'allow' } | { readonly effect: 'deny'; readonly rule: string; readonly reason: string; readonly hidden: boolean };

/** Policy, compiled for one identity on one connection. Immutable; a reload makes a new one. */
export interface Policy {
  /** SHA-256 of the configuration's policy part, 32 bytes. Stands in every entry that a decision made. */
  readonly hash: Uint8Array;
  decide(call: Call): Decision;
  /** True where a listed tool, resource or prompt of that name is to be shown. */
  shows(what: 'tool' | 'resource' | 'prompt', name: string): boolean;
  /** True where `shows` is true for everything, so that lists need not be read. */
  readonly showsAll: boolean;
}
