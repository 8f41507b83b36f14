// The address of a gateway or a provider as people type it, and which addresses are refused.
import { McprecError } from '../base/errors.ts';
import { isLoopback } from '../base/loopback.ts';

/** Why `url` may not be used for tokens, or undefined where it may. */
export function whyUnsafe(url: URL): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${url.protocol.slice(0, -1)} is not http or https`;
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return 'plain http would show the tokens to the network';
  if (url.username !== '' || url.password !== '') return 'it has a user name or password in it';
  return undefined;
}

/** The base URL of a gateway without a slash at its end. Throws `usage` where it is no URL or not a safe one. */
export function gatewayUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw new McprecError('usage', `${JSON.stringify(text)} is not a gateway's address`, { remedy: 'give it as https://host' });
  const reason = whyUnsafe(url) ?? (url.search === '' && url.hash === '' ? undefined : 'it has a query or a fragment');
  if (reason !== undefined)
    throw new McprecError('usage', `the gateway's address ${url.origin} cannot be used: ${reason}`, { remedy: 'give it as https://host' });
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
