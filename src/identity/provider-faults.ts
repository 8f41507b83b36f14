// What goes wrong between us and the identity provider, in the words of base/errors.ts. A provider's own words are hostile text.
import type { CustomFetchOptions } from 'openid-client';
import { ClientError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { asMcprecError, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { limits } from '../base/limits.ts';
import { whyUnsafe } from './gateway-url.ts';
import { anySignal, faultText } from './http.ts';

/** What can end a request or the wait for a device code. */
interface Waiting {
  /** Ctrl-C. */
  readonly signal?: AbortSignal | undefined;
  /** The end of the device code. */
  readonly deadline?: AbortSignal | undefined;
}

/** The error that `error` of openid-client stands for. */
export function providerFault(error: unknown, issuer: string, waiting?: Waiting): McprecError {
  if (error instanceof McprecError) return error;
  if (waiting?.signal?.aborted) return new McprecError('cancelled', 'the login was cancelled', { cause: error });
  if (waiting?.deadline?.aborted) return expired(error);
  const said = saidBy(error);
  if (said !== undefined) return refused(said, issuer, waiting?.deadline === undefined ? 'refresh' : 'device');
  if (error instanceof ClientError) return clientFault(error, issuer);
  // What fetch throws where the network fails; any other TypeError is a mistake of ours.
  if (error instanceof TypeError && error.cause !== undefined) return unreachable(error, issuer);
  return asMcprecError(error);
}

/** `fetch` with a bounded answer, of safe addresses only, that `signal` ends; for openid-client. Redirects stay unfollowed: openid-client asks for that. */
export function boundedFetch(signal: AbortSignal | undefined): (url: string, options: CustomFetchOptions) => Promise<Response> {
  return async (url, options) => {
    const reason = whyUnsafe(new URL(url));
    if (reason !== undefined) throw new McprecError('provider_failed', `the identity provider has an endpoint that is refused: ${reason}`);
    const answer = await fetch(url, { ...(options as RequestInit), signal: anySignal(signal, options.signal) });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of answer.body ?? []) {
      length += chunk.byteLength;
      if (length > limits.providerBytesMax)
        throw new McprecError('provider_failed', `the identity provider answered with more than ${limits.providerBytesMax} bytes`);
      chunks.push(chunk);
    }
    // A Response with one of these statuses may have no body, not even an empty one.
    const empty = answer.status === 204 || answer.status === 205 || answer.status === 304;
    return new Response(empty ? null : Buffer.concat(chunks), { status: answer.status, headers: answer.headers });
  };
}

interface Said {
  /** RFC 6749 §5.2, RFC 8628 §3.5, RFC 9449 §12.2. */
  readonly code: string;
  /** In the provider's words, escaped. */
  readonly text: string;
  readonly cause: Error;
}

function saidBy(error: unknown): Said | undefined {
  if (error instanceof ResponseBodyError) return { code: error.error, text: ownWords(error.error_description ?? error.error), cause: error };
  if (!(error instanceof WWWAuthenticateChallengeError)) return undefined;
  const parameters = error.cause.find((challenge) => challenge.parameters.error !== undefined)?.parameters;
  const code = parameters?.error ?? `HTTP ${error.status}`;
  return { code, text: ownWords(parameters?.error_description ?? code), cause: error };
}

function ownWords(text: string): string {
  return escapeHostileLine(text.slice(0, 300));
}

function refused({ code, text, cause }: Said, issuer: string, during: 'refresh' | 'device'): McprecError {
  switch (code) {
    case 'access_denied':
      return new McprecError('login_refused', 'the login was refused on the provider’s page', { cause, remedy: 'run: mcprec login, and allow it' });
    case 'expired_token':
      return expired(cause);
    case 'invalid_dpop_proof':
      return new McprecError('proof_invalid', `the identity provider ${issuer} refused the proof: ${text}`, { cause });
    case 'server_error':
    case 'temporarily_unavailable':
      return new McprecError('provider_failed', `the identity provider ${issuer} failed: ${text}`, { cause });
    default:
      if (code === 'invalid_grant' && during === 'refresh')
        return new McprecError('login_expired', `the identity provider no longer takes the stored login (${text})`, { cause });
      return new McprecError('login_refused', `the identity provider ${issuer} refused: ${text}`, { cause });
  }
}

function clientFault(error: ClientError, issuer: string): McprecError {
  if (error.code === 'OAUTH_TIMEOUT') return unreachable(new Error('it did not answer in time', { cause: error }), issuer);
  if (error.cause instanceof McprecError) return error.cause;
  const status = error.cause instanceof Response ? ` (HTTP ${error.cause.status})` : '';
  return new McprecError('provider_failed', `the identity provider ${issuer} gave an answer that cannot be used: ${error.message}${status}`, { cause: error });
}

function expired(cause: unknown): McprecError {
  return new McprecError('login_expired', 'the code was not confirmed in time', { cause, remedy: 'run: mcprec login, and confirm the new code' });
}

function unreachable(cause: unknown, issuer: string): McprecError {
  return new McprecError('provider_unreachable', `cannot reach the identity provider ${issuer}: ${escapeHostileLine(faultText(cause))}`, { cause });
}
