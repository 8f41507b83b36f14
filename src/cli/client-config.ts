// How a client is told about an endpoint (`--print-config`): the file it reads, as it wants it.
import { McprecError } from '../base/errors.ts';

interface Start {
  readonly command: string;
  readonly args: readonly string[];
}

const writers = {
  'claude-code': (name: string, url: string) => ({ mcpServers: { [name]: { type: 'http', url } } }),
  cursor: (name: string, url: string) => ({ mcpServers: { [name]: { url } } }),
  vscode: (name: string, url: string) => ({ servers: { [name]: { type: 'http', url } } }),
  json: (name: string, url: string) => ({ name, url }),
} as const;

const starters = {
  'claude-code': (name: string, start: Start) => ({ mcpServers: { [name]: { type: 'stdio', ...start } } }),
  cursor: (name: string, start: Start) => ({ mcpServers: { [name]: start } }),
  vscode: (name: string, start: Start) => ({ servers: { [name]: { type: 'stdio', ...start } } }),
  json: (name: string, start: Start) => ({ name, ...start }),
} as const satisfies Record<keyof typeof writers, unknown>;

export type ClientName = keyof typeof writers;
export const clientNames = Object.keys(writers) as readonly ClientName[];

/** The client of that name. Throws `usage`. */
export function readClientName(text: string): ClientName {
  const found = clientNames.find((name) => name === text);
  if (found === undefined) throw new McprecError('usage', `--print-config ${text}: no such client`, { remedy: `choose one of ${clientNames.join(', ')}` });
  return found;
}

/** The configuration as JSON text. `claude-code`: `.mcp.json`; `cursor`: `.cursor/mcp.json`; `vscode`: `.vscode/mcp.json`. */
export function clientConfig(client: ClientName, name: string, url: string): string {
  return JSON.stringify(writers[client](name, url), null, 2);
}

/** The same for a client that starts mcprec itself: `mcprec ARGS`. */
export function commandConfig(client: ClientName, name: string, args: readonly string[]): string {
  return JSON.stringify(starters[client](name, { command: 'mcprec', args }), null, 2);
}
