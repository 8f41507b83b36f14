// Tools and a prompt of the modern fixture server that ask back before they answer: `input_required` and the client's retry.
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequest,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

export type RequestStates = RequestStateCodec<{ readonly round: number; readonly said?: string }>;

const named = z.object({ name: z.string() });
const confirmed = z.object({ ok: z.boolean() });
const coloured = z.object({ color: z.string() });
const contextual = z.object({ context: z.string() });

const askName = (message = 'What is your name?'): InputRequest => inputRequired.elicit({ message, requestedSchema: named });
const askModel = (prompt: string, maxTokens = 100): InputRequest =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens });

type Round = (context: ServerContext) => Promise<string | ReturnType<typeof inputRequired>>;

/** Registers them. `states` seals and opens `requestState`. */
export function registerRounds(server: McpServer, states: RequestStates): void {
  const rounds: Readonly<Record<string, Round>> = { ...singleRounds, ...statefulRounds(states) };
  for (const [name, round] of Object.entries(rounds)) {
    server.registerTool(name, { description: 'Asks back before it answers', inputSchema: z.object({}) }, async (_args, context) => {
      const outcome = await round(context);
      return typeof outcome === 'string' ? { content: [{ type: 'text', text: outcome }] } : outcome;
    });
  }
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks back before it is said', argsSchema: z.object({}) }, (_args, { mcpReq }) => {
    const given = acceptedContent(mcpReq.inputResponses, 'user_context', contextual);
    if (given) return { messages: [{ role: 'user', content: { type: 'text', text: `Context: ${given.context}` } }] };
    return inputRequired({
      inputRequests: { user_context: inputRequired.elicit({ message: 'What context should the prompt use?', requestedSchema: contextual }) },
    });
  });
}

const singleRounds: Readonly<Record<string, Round>> = {
  async test_input_required_result_elicitation({ mcpReq }) {
    const given = acceptedContent(mcpReq.inputResponses, 'user_name', named);
    return given ? `Hello, ${given.name}!` : inputRequired({ inputRequests: { user_name: askName() } });
  },
  async test_input_required_result_sampling({ mcpReq }) {
    const given = inputResponse(mcpReq.inputResponses, 'capital_question');
    if (given.kind !== 'sampling') return inputRequired({ inputRequests: { capital_question: askModel('What is the capital of France?') } });
    return `The model said: ${JSON.stringify(given.result.content)}`;
  },
  async test_input_required_result_list_roots({ mcpReq }) {
    const given = inputResponse(mcpReq.inputResponses, 'client_roots');
    if (given.kind !== 'roots') return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    return `Roots: ${given.roots.map(({ uri }) => uri).join(' ')}`;
  },
  async test_input_required_result_capabilities({ mcpReq }) {
    const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
    const { elicitation, sampling } = (envelope[CLIENT_CAPABILITIES_META_KEY] ?? {}) as ClientCapabilities;
    const inputRequests = { ...(elicitation && { user_name: askName() }), ...(sampling && { greeting: askModel('Say hello') }) };
    return mcpReq.inputResponses === undefined ? inputRequired({ inputRequests }) : 'Asked only for what the client can do.';
  },
  // The SDK refuses to ask for what the client did not declare.
  test_missing_capability: async () => inputRequired({ inputRequests: { greeting: askModel('Say hello') } }),
  test_streaming_elicitation: async () => inputRequired({ inputRequests: { user_name: askName() } }),
};

function statefulRounds(states: RequestStates): Readonly<Record<string, Round>> {
  const confirm: Round = async ({ mcpReq }) => {
    const given = acceptedContent(mcpReq.inputResponses, 'confirm', confirmed);
    if (given && mcpReq.requestState<{ round: number }>()?.round === 1) return 'state-ok';
    const asked = inputRequired.elicit({ message: 'Please confirm', requestedSchema: confirmed });
    return inputRequired({ inputRequests: { confirm: asked }, requestState: await states.mint({ round: 1 }) });
  };
  return {
    test_input_required_result_request_state: confirm,
    test_input_required_result_tampered_state: confirm,
    async test_input_required_result_multiple_inputs({ mcpReq }) {
      const name = acceptedContent(mcpReq.inputResponses, 'user_name', named)?.name;
      const greeting = inputResponse(mcpReq.inputResponses, 'greeting').kind;
      const roots = inputResponse(mcpReq.inputResponses, 'client_roots').kind;
      if (name !== undefined && greeting === 'sampling' && roots === 'roots') return `All came, ${name}.`;
      return inputRequired({
        inputRequests: { user_name: askName(), greeting: askModel('Generate a greeting', 50), client_roots: inputRequired.listRoots() },
        requestState: await states.mint({ round: 1 }),
      });
    },
    async test_input_required_result_multi_round({ mcpReq }) {
      const state = mcpReq.requestState<{ round: number; said?: string }>();
      const name = acceptedContent(mcpReq.inputResponses, 'step1', named)?.name;
      const color = acceptedContent(mcpReq.inputResponses, 'step2', coloured)?.color;
      if (state?.round === 2 && color !== undefined) return `${state.said} likes ${color}.`;
      if (state?.round === 1 && name !== undefined) {
        const step2 = inputRequired.elicit({ message: 'Step 2: What is your favorite color?', requestedSchema: coloured });
        return inputRequired({ inputRequests: { step2 }, requestState: await states.mint({ round: 2, said: name }) });
      }
      return inputRequired({ inputRequests: { step1: askName('Step 1: What is your name?') }, requestState: await states.mint({ round: 1 }) });
    },
  };
}
