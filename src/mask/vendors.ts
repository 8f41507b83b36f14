// The formats of keys and tokens that their issuers document: a prefix, then so many characters of a set. Data only.

/** `hex`, `alnum`, `upper` (capitals and digits), `word` (letters, digits, - and _), `base64` (letters, digits, + / - and _). */
export type CharSet = 'hex' | 'alnum' | 'upper' | 'word' | 'base64';

export interface VendorRule {
  /** Stands in the mark: `[secret:github]`. */
  readonly name: string;
  readonly prefix: string;
  readonly set: CharSet;
  /** How many characters of the set follow at least. */
  readonly min: number;
}

type Row = readonly [name: string, set: CharSet, min: number, prefixes: string];

const rows: readonly Row[] = [
  ['aws', 'upper', 16, 'AKIA ASIA ABIA ACCA'],
  ['aws', 'base64', 60, 'ABSK'],
  // Temporary credentials: the Base64 of what begins with the region they are from.
  ['aws', 'base64', 100, 'IQoJb3JpZ2lu FwoGZXIvYXdz FQoGZXIvYXdz AgoJb3JpZ2lu'],
  ['gcp', 'upper', 55, 'GOOG1E'],
  ['gcp', 'word', 33, 'AIza'],
  ['gcp', 'word', 24, 'GOCSPX-'],
  ['github', 'alnum', 36, 'ghp_ gho_ ghu_ ghs_ ghr_'],
  ['github', 'word', 60, 'github_pat_'],
  ['gitlab', 'word', 20, 'glpat- gldt- glrt- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct- glwt- glrtr- GR1348941'],
  ['slack', 'word', 10, 'xoxb- xoxp- xoxa- xoxr- xoxs- xoxo- xoxe- xoxc- xoxd- xapp- xwfp-'],
  ['stripe', 'alnum', 10, 'sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ rk_prod_ sk_org_'],
  ['stripe', 'base64', 24, 'whsec_'],
  ['datadog', 'alnum', 24, 'ddapp_ ddapi_ ddpat_ ddsat_'],
  ['anthropic', 'word', 20, 'sk-ant-'],
  ['openai', 'word', 20, 'sk-proj- sk-svcacct- sk-admin- sk-None-'],
  ['openrouter', 'hex', 48, 'sk-or-v1-'],
  ['openai', 'alnum', 40, 'sess-'],
  ['key', 'word', 20, 'sk- sk_'],
  ['xai', 'alnum', 40, 'xai-'],
  ['groq', 'alnum', 40, 'gsk_'],
  ['perplexity', 'alnum', 40, 'pplx-'],
  ['replicate', 'alnum', 37, 'r8_'],
  ['huggingface', 'alnum', 30, 'hf_ api_org_'],
  ['langchain', 'word', 40, 'lsv2_pt_ lsv2_sk_'],
  ['langfuse', 'word', 30, 'sk-lf-'],
  ['pinecone', 'word', 40, 'pcsk_'],
  ['tavily', 'word', 24, 'tvly-'],
  ['nvidia', 'word', 40, 'nvapi-'],
  ['jina', 'word', 40, 'jina_'],
  ['firecrawl', 'hex', 32, 'fc-'],
  ['npm', 'alnum', 36, 'npm_'],
  ['pypi', 'word', 50, 'pypi-'],
  ['rubygems', 'hex', 48, 'rubygems_'],
  ['crates', 'alnum', 32, 'cio'],
  ['nuget', 'alnum', 43, 'oy2'],
  ['clojars', 'alnum', 60, 'CLOJARS_'],
  ['packagist', 'word', 40, 'packagist_'],
  ['docker', 'word', 20, 'dckr_pat_ dckr_oat_'],
  ['jfrog', 'alnum', 69, 'AKCp cmVmdGtu'],
  ['twilio', 'hex', 32, 'SK'],
  ['mailgun', 'hex', 32, 'key-'],
  ['brevo', 'word', 64, 'xkeysib- xsmtpsib-'],
  ['postman', 'word', 50, 'PMAK-'],
  ['resend', 'word', 30, 're_'],
  ['digitalocean', 'hex', 64, 'dop_v1_ doo_v1_ dor_v1_'],
  ['pulumi', 'hex', 40, 'pul-'],
  ['databricks', 'hex', 32, 'dapi dose dkea'],
  ['grafana', 'word', 32, 'glsa_'],
  ['grafana', 'base64', 32, 'glc_'],
  ['grafana', 'alnum', 60, 'eyJrIjoi'],
  ['newrelic', 'alnum', 19, 'NRAK- NRJS- NRAA- NRII- NRIQ- NRRA- NRSP- NRBR-'],
  ['sentry', 'base64', 40, 'sntrys_ sntryu_ sntryb_ sntrya_'],
  ['honeycomb', 'alnum', 50, 'hcaik_ hcalk_ hcbik_'],
  ['snyk', 'word', 32, 'snyk_'],
  ['sonarqube', 'hex', 40, 'sqa_ sqp_ squ_'],
  ['circleci', 'word', 32, 'CCIPAT_ CCIPRJ_'],
  ['buildkite', 'alnum', 32, 'bkua_ bkaj_ bkat_ bkct_ bkpt_'],
  ['netlify', 'alnum', 32, 'nfp_ nfc_ nfu_'],
  ['vercel', 'alnum', 24, 'vcp_ vck_ vci_ vca_ vcr_'],
  ['fly', 'word', 40, 'fo1_'],
  ['render', 'alnum', 28, 'rnd_'],
  ['heroku', 'word', 36, 'HRKU-'],
  ['cloudflare', 'alnum', 40, 'cfut_ cfat_ cfk_ cfpat_'],
  ['cloudflare', 'word', 100, 'eyJhIjoi'],
  ['linear', 'alnum', 32, 'lin_api_ lin_oauth_ lin_wh_'],
  ['notion', 'alnum', 40, 'ntn_ secret_'],
  ['atlassian', 'word', 50, 'ATATT3 ATCTT3 ATSTT3'],
  ['bitbucket', 'alnum', 28, 'ATBB'],
  ['figma', 'word', 36, 'figd_ figu_ figo_'],
  ['contentful', 'word', 40, 'CFPAT-'],
  ['shopify', 'hex', 32, 'shpat_ shpca_ shppa_ shpss_ shpua_'],
  ['square', 'word', 22, 'sq0atp- sq0csp- sq0idp-'],
  ['square', 'word', 55, 'EAAA'],
  ['facebook', 'alnum', 80, 'EAA'],
  ['plaid', 'word', 36, 'access-sandbox- access-development- access-production-'],
  ['shippo', 'hex', 40, 'shippo_live_ shippo_test_'],
  ['easypost', 'alnum', 54, 'EZAK EZTK'],
  ['razorpay', 'alnum', 14, 'rzp_live_ rzp_test_'],
  ['flutterwave', 'word', 30, 'FLWSECK-'],
  ['duffel', 'word', 40, 'duffel_live_ duffel_test_'],
  ['hubspot', 'word', 36, 'pat-na1- pat-na2- pat-eu1-'],
  ['launchdarkly', 'word', 36, 'sdk- api-'],
  ['planetscale', 'word', 32, 'pscale_tkn_ pscale_pw_ pscale_oauth_'],
  ['supabase', 'word', 20, 'sbp_ sb_secret_'],
  ['neon', 'alnum', 40, 'napi_'],
  ['prefect', 'alnum', 36, 'pnu_ pnb_'],
  ['tailscale', 'word', 20, 'tskey-auth- tskey-api- tskey-client- tskey-scim- tskey-webhook-'],
  ['infracost', 'alnum', 32, 'ico-'],
  ['scalingo', 'word', 48, 'tk-us-'],
  ['sourcegraph', 'word', 40, 'sgp_'],
  ['readme', 'alnum', 70, 'rdme_'],
  ['typeform', 'word', 40, 'tfp_'],
  ['alibaba', 'alnum', 16, 'LTAI'],
  ['tencent', 'alnum', 32, 'AKID'],
  ['yandex', 'word', 35, 'AQVN'],
  ['scaleway', 'upper', 17, 'SCW'],
  ['age', 'upper', 58, 'AGE-SECRET-KEY-1'],
  ['onepassword', 'word', 100, 'ops_eyJ'],
  ['confluent', 'alnum', 50, 'cflt'],
  ['firebase', 'word', 100, 'APA91b'],
  ['trello', 'alnum', 60, 'ATTA'],
  ['octopus', 'upper', 26, 'API-'],
  ['dbt', 'word', 32, 'dbtc_ dbtu_ dbts_'],
  ['mongodb', 'word', 40, 'mdb_sa_sk_'],
  ['cockroachdb', 'word', 32, 'CCDB1_'],
  ['settlemint', 'hex', 16, 'sm_aat_ sm_pat_ sm_sat_'],
  ['clickup', 'word', 36, 'pk_'],
  ['adobe', 'hex', 32, 'p8e-'],
  ['frameio', 'word', 60, 'fio-u-'],
  ['lob', 'hex', 35, 'live_ test_'],
  ['cerebras', 'alnum', 40, 'csk-'],
  ['together', 'word', 40, 'tgp_v1_'],
  ['deno', 'alnum', 30, 'ddp_ ddo_'],
  ['woocommerce', 'hex', 40, 'cs_ ck_'],
  ['adafruit', 'alnum', 28, 'aio_'],
  ['posthog', 'alnum', 40, 'phx_ phs_'],
  ['yandex', 'word', 50, 'y0_ y1_ y2_ y3_'],
  ['pem', 'base64', 60, pemBeginnings()],
];

// What the Base64 of a private key in PEM begins with, as in kubeconfig files and Secrets of Kubernetes.
function pemBeginnings(): string {
  const kinds = ['', 'RSA ', 'EC ', 'DSA ', 'OPENSSH ', 'ENCRYPTED ', 'PGP '];
  return kinds
    .map((kind) => Buffer.from(`-----BEGIN ${kind}PRIVATE KEY`))
    .map((bytes) => bytes.toString('base64').slice(0, Math.floor((bytes.length * 4) / 3)))
    .join(' ');
}

export const vendorRules: readonly VendorRule[] = rows.flatMap(([name, set, min, prefixes]) =>
  prefixes.split(' ').map((prefix) => ({ name, prefix, set, min })),
);

/** Formats with points in them: the whole is matched. Each pattern begins with its prefix, and no part of one is unbounded. */
export const dottedRules: readonly { readonly name: string; readonly prefix: string; readonly pattern: RegExp }[] = [
  { name: 'slack', prefix: 'xoxe.', pattern: /xoxe\.xox[bp]-[\w-]{10,512}/y },
  { name: 'sendgrid', prefix: 'SG.', pattern: /SG\.[\w-]{16,64}\.[\w-]{16,100}/y },
  { name: 'vault', prefix: 'hvs.', pattern: /hvs\.[\w-]{20,400}/y },
  { name: 'vault', prefix: 'hvb.', pattern: /hvb\.[\w-]{20,400}/y },
  { name: 'vault', prefix: 'hvr.', pattern: /hvr\.[\w-]{20,400}/y },
  { name: 'vault', prefix: 's.', pattern: /s\.[A-Za-z0-9]{24}(?![A-Za-z0-9_.-])/y },
  { name: 'doppler', prefix: 'dp.', pattern: /dp\.(?:pt|st|ct|sa|scim|audit|said)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{32,64}/y },
  { name: 'gcp', prefix: 'ya29.', pattern: /ya29\.[\w-]{20,400}/y },
  { name: 'gcp', prefix: 'AQ.', pattern: /AQ\.[A-Za-z0-9][\w-]{30,200}/y },
  { name: 'dropbox', prefix: 'sl.', pattern: /sl\.(?:u\.)?[\w-]{60,400}/y },
  { name: 'mapbox', prefix: 'sk.', pattern: /sk\.eyJ[\w-]{20,200}\.[\w-]{16,100}/y },
  { name: 'dynatrace', prefix: 'dt0', pattern: /dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}/y },
  { name: 'airtable', prefix: 'pat', pattern: /pat[A-Za-z0-9]{14}\.[0-9a-f]{64}/y },
  { name: 'cloudflare', prefix: 'v1.0-', pattern: /v1\.0-[0-9a-f]{24}-[0-9a-f]{100,200}/y },
  { name: 'amazon', prefix: 'amzn.', pattern: /amzn\.(?:mws|oa2-cs)\.[\w.-]{30,100}/y },
  { name: 'harness', prefix: 'pat.', pattern: /pat\.[\w-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}/y },
  { name: 'harness', prefix: 'sat.', pattern: /sat\.[\w-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}/y },
  { name: 'fly', prefix: 'fm2_', pattern: /fm2_[A-Za-z0-9+/=]{40,2000}/y },
];
