// Reads what an MCP server sends, leniently: it passes whatever it is, and only its envelope is looked at.
import { limits } from '../base/limits.ts';
import { skimObject } from '../base/skim.ts';

export interface ServerMessage {
  readonly kind: 'request' | 'notification' | 'response';
  /** The id as written; undefined for notifications. */
  readonly idLexeme: string | undefined;
  readonly method: string | undefined;
  /** Offsets of the `result` value, where there is one. */
  readonly result: { readonly start: number; readonly end: number } | undefined;
  /** A JSON-RPC error, or a result with `isError: true`. */
  readonly failed: boolean;
}

/** The message of a JSON text, or undefined where it is not one (a batch, or not JSON-RPC at all). */
export function readServerMessage(text: string): ServerMessage | undefined {
  const plain = text.length < limits.latePayloadUnitsMin ? undefined : readLargeResponse(text);
  if (plain !== undefined) return plain;
  const members = skimObject(text);
  if (members === undefined) return undefined;
  const find = (key: string) => members.find((m) => m.key === key);
  const id = find('id');
  const idLexeme = id === undefined ? undefined : text.slice(id.start, id.end);
  const method = find('method');
  if (method !== undefined) {
    const name = readString(text.slice(method.start, method.end));
    return { kind: idLexeme === undefined ? 'notification' : 'request', idLexeme, method: name, result: undefined, failed: false };
  }
  const result = find('result');
  const error = find('error');
  if (result === undefined && error === undefined) return undefined;
  const failed = error !== undefined || (result !== undefined && isError(text, result.start));
  return { kind: 'response', idLexeme, method: undefined, result, failed };
}

/** The usual front of a response: version and id in either order, then the result. */
const RESPONSE = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(-?\d+|"[^"\\]{0,200}")\s*,\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"result"\s*:\s*(?=\{)/;
/** The usual end of a result that says whether it is an error, and of the response. */
const ERROR_FLAG = /"isError"\s*:\s*(true|false)\s*\}\s*\}\s*$/;
const TAIL_UNITS = 200;

/**
 * A large response that is written as SDKs write them, told by its two ends: skimming what is between them takes longer than all the rest
 * that is done with it. Undefined where it must be skimmed after all.
 */
function readLargeResponse(text: string): ServerMessage | undefined {
  const [front, idLexeme] = RESPONSE.exec(text) ?? [];
  const tail = text.slice(-TAIL_UNITS);
  if (front === undefined || !/\}\s*\}\s*$/.test(tail)) return undefined;
  const flagAt = text.indexOf('"isError"', front.length);
  const flag = ERROR_FLAG.exec(tail);
  if (flagAt !== -1 && (flag === null || flagAt !== text.length - tail.length + flag.index)) return undefined;
  const end = text.trimEnd().length - 1;
  return { kind: 'response', idLexeme, method: undefined, result: { start: front.length, end }, failed: flag?.[1] === 'true' };
}

// Most results say nothing of errors; the search for the word is many times faster than reading the members.
function isError(text: string, resultStart: number): boolean {
  if (!text.includes('"isError"', resultStart)) return false;
  const flag = skimObject(text, resultStart)?.find((m) => m.key === 'isError');
  return flag !== undefined && text.slice(flag.start, flag.end) === 'true';
}

function readString(lexeme: string): string | undefined {
  try {
    const value: unknown = JSON.parse(lexeme);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** True where two ids mean the same, however each side wrote it (`1` and `1.0`, `"a"` and `"\u0061"`). */
export function sameId(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a === b || meaningOfId(a) === meaningOfId(b);
}

/** An id in one spelling of all that mean the same; a number that JavaScript cannot hold exactly, and what is no id, stay as written. */
export function meaningOfId(idLexeme: string): string {
  try {
    const value: unknown = JSON.parse(idLexeme);
    return typeof value === 'string' || Number.isSafeInteger(value) ? JSON.stringify(value) : idLexeme;
  } catch {
    return idLexeme;
  }
}
