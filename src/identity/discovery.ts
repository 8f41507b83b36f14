// Asks an address whether it is a gateway, and where its people log in.
import { errors, request } from 'undici';
import { McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { limits } from '../base/limits.ts';
import { controlPaths, type WellKnown, wellKnownSchema } from '../protocol/control.ts';
import { gatewayUrl, whyUnsafe } from './gateway-url.ts';
import { exchangeFault, openAgent, readBody, within } from './http.ts';

/**
 * What the gateway at `gateway` says of itself. Throws `usage` for an address that may not be used, `gateway_unreachable`
 * where nothing answers, and `not_a_gateway` where something else does, or a gateway that goes by another address.
 */
export async function discoverGateway(gateway: string, signal?: AbortSignal): Promise<WellKnown> {
  const base = gatewayUrl(gateway);
  const text = await fetchText(base, signal);
  const read = wellKnownSchema.safeParse(parse(text));
  if (!read.success) throw notOne(base, 'its answer is not a gateway’s');
  const wellKnown = read.data;
  const named = gatewayUrl(wellKnown.gateway);
  // Proofs and the device's signature are bound to the address: following another one would be a redirect by another name.
  if (named !== base) throw new McprecError('not_a_gateway', `the gateway at ${base} goes by ${named}`, { remedy: `run the command with --gateway ${named}` });
  const reason = whyUnsafe(new URL(wellKnown.issuer));
  if (reason !== undefined) throw new McprecError('not_a_gateway', `${base} names an identity provider that cannot be used: ${reason}`);
  return wellKnown;
}

async function fetchText(base: string, signal: AbortSignal | undefined): Promise<string> {
  const agent = openAgent();
  try {
    const answer = await request(`${base}${controlPaths.wellKnown}`, {
      dispatcher: agent,
      headers: { accept: 'application/json' },
      signal: within(limits.wellKnownMsMax, signal),
    });
    if (answer.statusCode !== 200) {
      const location = answer.headers.location;
      const where = typeof location === 'string' ? ` to ${escapeHostileLine(location)}` : '';
      throw notOne(
        base,
        answer.statusCode >= 300 && answer.statusCode < 400 ? `it redirects${where}, which is not followed` : `it answers ${answer.statusCode}`,
      );
    }
    return (await readBody(answer.body, limits.wellKnownBytesMax, base)).toString('utf8');
  } catch (cause) {
    // What answers, but not in HTTP, is there and is something else.
    if (cause instanceof errors.HTTPParserError) throw notOne(base, 'it does not speak HTTP');
    throw exchangeFault(cause, base, signal);
  } finally {
    await agent.destroy();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notOne(base: string, reason: string): McprecError {
  return new McprecError('not_a_gateway', `${base} is not an mcprec gateway: ${reason}`);
}
