// Compiles policy from the whole configuration, for what looks at it from outside: `explain`, `test`.
import type { Policy } from './call.ts';
import { compileProjection } from './compile.ts';
import { conditionLanguage } from './condition.ts';
import type { GatewayConfig } from './config.ts';
import type { PolicyContext } from './context.ts';
import { projectPolicy } from './projection.ts';

/** Policy for the person of `context` on `connection`, as the gateway has it; it counts nothing. Throws `not_found` where there is no such connection. */
export function compilePolicy(config: GatewayConfig, context: PolicyContext, connection: string): Policy {
  return compileProjection(projectPolicy(config, context.identity.groups, connection, 'gateway'), context, { conditions: conditionLanguage });
}
