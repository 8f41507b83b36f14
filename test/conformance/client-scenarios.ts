// What the fixture client does in each scenario of the suite's client side, on SDK v2.
import { Client, type ClientOptions, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { FixtureLogin } from './client-login.ts';

/** What the suite says to the client besides the server's URL. */
export interface ScenarioContext {
  readonly url: URL;
  readonly revision: string;
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }[];
}

type Scenario = (context: ScenarioContext) => Promise<void>;

const clientInfo = { name: 'mcprec-fixture-client', version: '1.0.0' };
/** A client that is told of another scope, or another server, logs in once more; one that is never content is left after that. */
const LOGINS_MAX = 2;

const scenarios: Readonly<Record<string, Scenario>> = {
  initialize: using({}, async (client) => void (await client.listTools())),
  tools_call: using({}, async (client) => {
    await client.listTools();
    await client.callTool({ name: 'add_numbers', arguments: { a: 5, b: 3 } });
  }),
  'elicitation-sep1034-client-defaults': using({ elicitation: { form: { applyDefaults: true } } }, async (client) => {
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: {} }));
    await client.listTools();
    await client.callTool({ name: 'test_client_elicitation_defaults', arguments: {} });
  }),
  'sse-retry': using({}, async (client) => {
    await client.listTools();
    await client.callTool({ name: 'test_reconnection', arguments: {} });
  }),
  'request-metadata': using({ roots: { listChanged: true }, sampling: {}, elicitation: {} }, async () => undefined),
  'http-standard-headers': using({}, async (client) => {
    for (const { name } of (await client.listTools()).tools) await client.callTool({ name, arguments: {} });
    for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri });
    for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name, arguments: {} });
  }),
  'http-custom-headers': using({}, async (client, { toolCalls = [] }) => {
    await client.listTools();
    for (const { name, arguments: args } of toolCalls) await client.callTool({ name, arguments: { ...args } });
  }),
  'http-invalid-tool-headers': using({}, async (client) => {
    for (const { name } of (await client.listTools()).tools) await client.callTool({ name, arguments: { region: 'us-west1' } });
  }),
  'json-schema-ref-no-deref': using({}, async (client) => void (await client.listTools())),
  'json-schema-2020-12-preservation': using({}, async (client) => {
    const { tools } = await client.listTools();
    const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema;
    await client.callTool({ name: 'json_schema_echo', arguments: { schema } });
  }),
  'sep-2322-client-request-state': using({ elicitation: {} }, async (client) => {
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { confirmed: true } }));
    for (const name of ['test_mrtr_echo_state', 'test_mrtr_no_state', 'test_mrtr_unrelated']) await client.callTool({ name, arguments: {} });
    // Its answer has no `resultType`, which this SDK refuses; what counts is that it does not send the call again.
    await client.callTool({ name: 'test_mrtr_no_result_type', arguments: {} }).catch(() => undefined);
  }),
};

/** What the client does in that scenario; every scenario of the log-in is the same. Undefined for one that it does not know. */
export function scenarioOf(name: string): Scenario | undefined {
  return name.startsWith('auth/') ? logIn : scenarios[name];
}

function using(capabilities: ClientOptions['capabilities'] & object, talk: (client: Client, context: ScenarioContext) => Promise<void>): Scenario {
  return async (context) => {
    const client = makeClient(context, capabilities);
    await client.connect(new StreamableHTTPClientTransport(context.url));
    await talk(client, context);
    await client.close();
  };
}

function makeClient({ revision }: ScenarioContext, capabilities: ClientOptions['capabilities'] & object): Client {
  return new Client(clientInfo, { capabilities, ...(revision === '2026-07-28' && { versionNegotiation: { mode: 'auto' } }) });
}

/** Lists the tools and calls one, logging in wherever the server asks for it. */
async function logIn(context: ScenarioContext): Promise<void> {
  const { client_id, client_secret } = context;
  const login = new FixtureLogin(client_id === undefined ? undefined : { client_id, ...(client_secret !== undefined && { client_secret }) });
  let client = makeClient(context, {});
  for (let i = 0; ; i++) {
    const transport = new StreamableHTTPClientTransport(context.url, { authProvider: login });
    try {
      await client.connect(transport);
      await client.listTools();
      await client.callTool({ name: 'test-tool', arguments: {} });
      await client.close();
      return;
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || i === LOGINS_MAX) throw error;
      await transport.finishAuth(login.callback);
      client = makeClient(context, {});
    }
  }
}
