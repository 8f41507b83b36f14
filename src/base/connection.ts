// The words that every room uses of a connection.

/** What speaks on it: MCP, Datadog's intake, or any HTTP API by listed paths. */
export const connectionKinds = ['mcp', 'datadog-intake', 'http'] as const;
export type ConnectionKind = (typeof connectionKinds)[number];

/** How much is recorded: nothing, entries without payloads, or everything (masked). */
export const recordModes = ['off', 'metadata', 'full'] as const;
export type RecordMode = (typeof recordModes)[number];
