// Turns what a call says into values of the condition language: whole numbers stay exact however long they are, and an
// object that could be read in two ways is refused (RULES R7).
import { type CelInput, celMap } from '@bufbuild/cel';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { foldCase } from '../base/fold-case.ts';
import type { JsonNode } from '../base/json.ts';
import type { Call } from './call.ts';
import type { CallSize } from './cel-cost.ts';

/** Why a condition cannot be evaluated on a call; becomes part of the denial. */
export class ConditionFault extends Error {}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Longer ones take time that grows with the square of their length; nobody compares them digit by digit. */
const DIGITS_MAX = 400;

/**
 * A value for conditions. `read` are the names of members that the condition reads, by their folded case: another spelling of
 * one could be the upstream's reading of it. Adds what it saw to `size`. Throws `ConditionFault`.
 */
export function celValueOf(node: JsonNode, read: ReadonlyMap<string, string>, size: Mutable<CallSize>): CelInput {
  size.values += 1;
  switch (node.type) {
    case 'string':
      return node.value;
    case 'literal':
      return node.value;
    case 'number':
      return /^-?[0-9]+$/.test(node.lexeme) && node.lexeme.length <= DIGITS_MAX ? BigInt(node.lexeme) : Number(node.lexeme);
    case 'array':
      return node.items.map((item) => celValueOf(item, read, size));
    case 'object': {
      if (node.ambiguousKey !== undefined) throw new ConditionFault('a key of the arguments stands twice, or twice but for its case');
      const members = new Map<string, CelInput>();
      for (const { key, value } of node.members) {
        const exact = read.get(foldCase(key.value));
        if (exact !== undefined && exact !== key.value) throw new ConditionFault(`the argument ${exact} is written in another case`);
        members.set(key.value, celValueOf(value, read, size));
      }
      return members;
    }
    default:
      return node satisfies never;
  }
}

/** The variable `call`. */
export function celCall(call: Call): CelInput {
  const blank = call.method.indexOf(' ');
  return celMap(
    new Map<string, CelInput>([
      ['method', call.method],
      ['tool', call.tool ?? ''],
      ['uri', call.uri ?? ''],
      ['prompt', call.prompt ?? ''],
      ['path', blank === -1 ? '' : call.method.slice(blank + 1)],
      ['one_way', call.oneWay],
      ['metrics', call.metrics ?? []],
      ['checks', call.checks ?? []],
      ['events', call.events ?? []],
    ]),
  );
}

/** A moment, from wall time in milliseconds. */
export function celTime(wallMs: number): CelInput {
  return timestampFromMs(wallMs);
}
