// The gateway.yaml that `mcprec dev` writes: a small, real policy over the sandbox, made to be read and changed.

export interface GatewayFileInput {
  /** Of the gateway; 0 takes a free one. */
  readonly port: number;
  readonly issuer: string;
  readonly audience: string;
  readonly clientId: string;
  readonly sandboxUrl: string;
  readonly mcpUrl: string;
  /** Names of files beside gateway.yaml. */
  readonly files: { readonly database: string; readonly keys: string; readonly apiKey: string; readonly applicationKey: string };
}

/** The text of gateway.yaml. Paths in it count from its own directory. */
export function gatewayFile({ port, issuer, audience, clientId, sandboxUrl, mcpUrl, files }: GatewayFileInput): string {
  return `# Written by mcprec dev. With --data it is kept: change it and start mcprec dev again.
listen: 127.0.0.1:${port}
data: sqlite:${files.database}
keys: file:${files.keys}
identity:
  issuer: ${issuer}
  audience: ${audience}
  client_id: ${clientId}
  admin_groups: [security]

connections:
  datadog:
    kind: mcp
    upstream: ${mcpUrl}
    credential:
      headers:
        DD_API_KEY: file:${files.apiKey}
        DD_APPLICATION_KEY: file:${files.applicationKey}
    record: full
    upstream_query: { toolsets: core } # what a client may not widen
  datadog-intake:
    kind: datadog-intake
    upstream: ${sandboxUrl}
    credential:
      headers:
        DD-API-KEY: file:${files.apiKey}
    record: full
    env: { DD_API_KEY: "{local_token}", DD_URL: "{endpoint}" }

access:
  - groups: [sre]
    ttl: 1h
  - groups: [engineering]
    connections: [datadog]
    tools: ["search_*", "get_*", "analyze_*"]
  - groups: [engineering]
    connections: [datadog-intake]
    metrics: ["checkout.*"]
  - groups: [automation]
    connections: [datadog]
    tools: [get_datadog_metric, search_datadog_metrics]
  - groups: [automation]
    connections: [datadog-intake]
    metrics: ["report.*"]

rules:
  - id: no-delete
    deny: true
    tools: ["delete_*", "execute_*"]
    message: Nothing is deleted through an agent; use the web page.
  - id: long-mutes # waits for a human: as priya.raman, mcprec approvals
    hold: { approvers: [sre-leads] }
    tools: ["mute_*"]
    when: has(args.duration_minutes) && args.duration_minutes > 240
    message: More than four hours of silence want a second pair of eyes.

mask:
  apply: [record]
  detectors: [secrets, email, phone, card, iban, ssn, ip]
  fields:
    - { path: "$..password" }
    - { path: "$..pagerKey" }
`;
}
