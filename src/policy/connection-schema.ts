// The part of the schema of gateway.yaml that describes one connection, by kind.
import { z } from 'zod';
import { httpTransports, recordModes, witnessModes } from '../base/connection.ts';
import { argumentPath, glob, globs, headerSecret, line, url } from './fields.ts';
import { holdSchema } from './hold-schema.ts';
import { queryForms } from './query-arguments.ts';

// Names stand in URLs and file names.
const connectionName = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** What is wrong with the name of a connection, or undefined. The schema leaves it alone: it would skip the connection itself. */
export function connectionNameProblem(name: string): string | undefined {
  if (connectionName.test(name)) return undefined;
  return 'a connection’s name is 1 to 63 lower-case letters, digits, - and _, and begins with a letter or digit';
}

export const connectionNames = z.string().meta({ pattern: connectionName.source });

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$/, 'is not a header name');
// What the data path itself sets or takes off (RULES R1).
const ownedHeader = /^(host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|proxy-.*|mcprec-.*)$/i;
const credentialHeader = /^(authorization|cookie|dd[_-]api[_-]key|dd[_-]application[_-]key|x-api-key)$/i;

const credential = z
  .strictObject({
    headers: z
      .record(
        headerName.refine((name) => !ownedHeader.test(name), 'this header is set by mcprec itself'),
        headerSecret,
      )
      .describe('Headers that hold the upstream’s credential: name → env:NAME or file:/path.'),
  })
  .describe('The upstream’s credential. It never leaves the gateway.');

const upstreamQuery = z
  .record(line(200), z.string().max(2000))
  .default({})
  .describe('Query parameters that the gateway sets on every call; a client’s own values for them are dropped.');
const upstreamHeaders = z
  .record(
    headerName
      .refine((name) => !ownedHeader.test(name), 'this header is set by mcprec itself')
      .refine((name) => !credentialHeader.test(name), 'this header is a credential; use credential.headers'),
    line(4000),
  )
  .default({})
  .describe('Headers without secrets that the gateway sets on every call; a client’s own values for them are dropped.');

const placeholders = new Set(['{endpoint}', '{local_token}']);
const envValue = z
  .string()
  .max(4000)
  .refine((value) => (value.match(/\{[A-Za-z_]+\}/g) ?? []).every((p) => placeholders.has(p)), 'the placeholders are {endpoint} and {local_token}');

const shared = {
  credential: credential.optional(),
  record: z.enum(recordModes).default('off').describe('How much is recorded: nothing, entries without payloads, or everything (masked).'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not a name of an environment variable'), envValue)
    .default({})
    .describe('Environment variables that `mcprec exec` sets; {endpoint} and {local_token} are filled in.'),
  unmaskable: z
    .enum(['refuse', 'pass'])
    .default('refuse')
    .describe('What to do with an answer that cannot be decoded, where answers are masked for the client.'),
  witness: z
    .enum(witnessModes)
    .default('later')
    .describe(
      'When the entry of a call must be co-signed: some time after it, or before the call is forwarded. Where nobody co-signs in time, the call is refused.',
    ),
};

const serverVariables = z
  .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not a name of an environment variable'), z.string().max(4000))
  .default({})
  .describe('Environment variables of the server: env:NAME or file:/path for secrets, or the value itself.');

const tools = {
  unscoped_tools: globs.default([]).describe('Tools that a group restricted by `metrics` may call: they concern no metric.'),
  query_arguments: z
    .record(
      line(300),
      z.array(
        z.strictObject({
          path: argumentPath.describe('Where in the arguments: "query", "queries[*].expression".'),
          is: z
            .enum(queryForms)
            .default('query')
            .describe('A metric query, the query of a monitor, the name of a metric, or a formula over queries that stand elsewhere.'),
        }),
      ),
    )
    .default({})
    .describe('Arguments that carry metric queries, by tool. Datadog’s tools are known; what stands here replaces what is known of a tool.'),
  tool_changes: z
    .union([z.enum(['allow', 'hold', 'deny']), z.strictObject({ hold: holdSchema })])
    .default('allow')
    .describe('What becomes of calls to a tool whose description or schema was changed since it was first seen: allow, hold or deny.'),
};

const mcp = z.strictObject({
  kind: z.literal('mcp').describe('An MCP server over HTTP.'),
  upstream: url().describe('The MCP endpoint of the server.'),
  transport: z.enum(httpTransports).default('streamable-http').describe('Streamable HTTP of any revision, or HTTP+SSE as in 2024-11-05.'),
  ...shared,
  upstream_query: upstreamQuery,
  upstream_headers: upstreamHeaders,
  ...tools,
});

const stdio = z.strictObject({
  kind: z.literal('stdio').describe('An MCP server that is a command; each session has a process of its own.'),
  command: z.array(line(4000)).min(1, 'is empty').max(200).describe('Program and arguments. No shell reads them.'),
  env: serverVariables,
  cwd: line(4000).optional().describe('The directory it runs in. Default: that of the gateway.'),
  record: shared.record,
  unmaskable: shared.unmaskable,
  witness: shared.witness,
  ...tools,
});

const intake = z.strictObject({
  kind: z.literal('datadog-intake').describe('Datadog’s intake: series, distributions, checks, events, logs.'),
  upstream: url({ originOnly: true }).describe('The API host, such as https://api.datadoghq.com.'),
  upstreams: z
    .strictObject({ logs: url({ originOnly: true }).optional().describe('The host that takes logs. Default: upstream.') })
    .default({})
    .describe('Other hosts of the same intake.'),
  ...shared,
});

const http = z.strictObject({
  kind: z.literal('http').describe('Any HTTP API, by listed paths.'),
  upstream: url().describe('What the paths are appended to.'),
  paths: z
    .array(glob.refine((path) => path.startsWith('/'), 'must begin with /'))
    .min(1, 'is empty, so that nothing could be called')
    .describe('Globs over the paths that may be called, after normalisation.'),
  ...shared,
  upstream_query: upstreamQuery,
  upstream_headers: upstreamHeaders,
});

export const connectionSchema = z.discriminatedUnion('kind', [mcp, stdio, intake, http]).superRefine(({ record, witness }, context) => {
  if (record !== 'off' || witness === 'later') return;
  context.addIssue({ code: 'custom', path: ['witness'], message: 'before-forward needs entries to co-sign: set record to metadata or full' });
});
export type ConnectionFile = z.output<typeof connectionSchema>;
