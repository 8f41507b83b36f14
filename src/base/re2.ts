// Patterns that users write, in RE2 syntax: no text makes them slow. Nothing that a user wrote is ever a native RegExp.
import { RE2JS, RE2JSSyntaxException } from 're2js';

export type Re2 = RE2JS;

/** Why a pattern is refused, in words for its author. */
export interface Re2Fault {
  readonly kind: 'fault';
  readonly reason: string;
}

/** Compiles `pattern`, or says what RE2 does not take. Source: https://github.com/google/re2/wiki/Syntax */
export function compileRe2(pattern: string): Re2 | Re2Fault {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    const part = error.getPattern();
    return {
      kind: 'fault',
      reason: `is no RE2 pattern, which has no look-around and no back-references: ${error.getDescription()}${part === null ? '' : ` (${part})`}`,
    };
  }
}

/** True where `pattern` is one that can be matched. */
export function isRe2(pattern: Re2 | Re2Fault): pattern is Re2 {
  return pattern instanceof RE2JS;
}
