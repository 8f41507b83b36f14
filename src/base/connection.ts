// The words that every room uses of a connection.

/** What speaks on it: MCP, Datadog's intake, or any HTTP API by listed paths. */
export const connectionKinds = ['mcp', 'datadog-intake', 'http'] as const;
export type ConnectionKind = (typeof connectionKinds)[number];

/** How much is recorded: nothing, entries without payloads, or everything (masked). */
export const recordModes = ['off', 'metadata', 'full'] as const;
export type RecordMode = (typeof recordModes)[number];

/** When a call's entry must be co-signed: some time after, or before the call goes on. */
export const witnessModes = ['later', 'before-forward'] as const;
export type WitnessMode = (typeof witnessModes)[number];

/** How an MCP server is reached over HTTP: by Streamable HTTP of either era, or by HTTP+SSE as in 2024-11-05. */
export const httpTransports = ['streamable-http', 'sse'] as const;
export type HttpTransport = (typeof httpTransports)[number];
