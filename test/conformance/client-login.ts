// The fixture client's log-in: an OAuth client that keeps everything in memory and follows the redirect itself, as a browser would.
import type {
  OAuthClientInformationContext,
  OAuthClientMetadata,
  OAuthClientProvider,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client';

/** Where the suite expects the client's metadata document. Nobody fetches it. */
const METADATA_URL = 'https://conformance-test.local/client-metadata.json';
const CALLBACK = 'http://127.0.0.1:3000/callback';

export class FixtureLogin implements OAuthClientProvider {
  readonly redirectUrl = CALLBACK;
  readonly clientMetadataUrl = METADATA_URL;
  readonly clientMetadata: OAuthClientMetadata = {
    client_name: 'mcprec-fixture',
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'native',
  };
  /** What the authorization server sent back with its redirect. */
  callback = new URLSearchParams();
  readonly #registered: StoredOAuthClientInformation | undefined;
  #client: StoredOAuthClientInformation | undefined;
  #tokens: StoredOAuthTokens | undefined;
  #verifier = '';

  /** `registered`: credentials that somebody arranged beforehand, good at every server. */
  constructor(registered?: StoredOAuthClientInformation) {
    this.#registered = registered;
  }

  clientInformation(context?: OAuthClientInformationContext): StoredOAuthClientInformation | undefined {
    return this.#registered ?? sameIssuer(this.#client, context);
  }

  saveClientInformation(client: StoredOAuthClientInformation): void {
    this.#client = client;
  }

  tokens(context?: OAuthClientInformationContext): StoredOAuthTokens | undefined {
    return sameIssuer(this.#tokens, context);
  }

  saveTokens(tokens: StoredOAuthTokens): void {
    this.#tokens = tokens;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    return this.#verifier;
  }

  async redirectToAuthorization(page: URL): Promise<void> {
    const answer = await fetch(page, { redirect: 'manual' });
    await answer.body?.cancel();
    this.callback = new URL(answer.headers.get('location') ?? '', page).searchParams;
  }
}

function sameIssuer<T extends { readonly issuer?: string | undefined }>(
  kept: T | undefined,
  context: OAuthClientInformationContext | undefined,
): T | undefined {
  const issuer = context?.issuer;
  return issuer !== undefined && kept?.issuer !== undefined && kept.issuer !== issuer ? undefined : kept;
}
