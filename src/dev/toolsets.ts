// Which tools a request is offered: Datadog's `?toolsets=` and the header that does the same.

const toolsets = ['core', 'apm'] as const;
export type Toolset = (typeof toolsets)[number];

/** `core` unless the query, or else the header, names others; `all` means every one. */
export function readToolsets(request: Request | undefined): ReadonlySet<Toolset> {
  const query = request === undefined ? null : new URL(request.url).searchParams.get('toolsets');
  const named = (query ?? request?.headers.get('x-datadog-mcp-toolsets') ?? 'core').split(',').map((t) => t.trim());
  return new Set(toolsets.filter((t) => named.includes(t) || named.includes('all')));
}
