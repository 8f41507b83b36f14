// The tools of both fixture servers: what the conformance suite calls, told once for SDK v1 and v2.
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { AUDIO, IMAGE } from './contents.ts';

/** What a tool may do besides answering, whatever the SDK. */
export interface Caller {
  readonly progressToken: string | number | undefined;
  notify(method: string, params: Readonly<Record<string, unknown>>): Promise<void>;
  /** Asks the client something and waits for its answer (legacy eras only), or until it is given up. */
  ask(
    method: 'elicitation/create' | 'sampling/createMessage',
    params: Readonly<Record<string, unknown>>,
    givenUp?: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>>;
  /** Aborted where the client gives the call up. */
  readonly signal: AbortSignal;
  /** Ends the stream of this call, whose answer the client has to fetch with `Last-Event-ID`. */
  closeStream(): void;
}

export type ContentItem =
  | { type: 'text'; text: string }
  | { type: 'image' | 'audio'; data: string; mimeType: string }
  | { type: 'resource'; resource: { uri: string; mimeType: string; text: string } };

export interface FixtureTool {
  readonly name: string;
  readonly description: string;
  readonly input: Readonly<Record<string, z.ZodString>>;
  run(args: Readonly<Record<string, string>>, caller: Caller): Promise<ContentItem[]>;
}

/** How long a tool takes between two notifications, as the suite asks. */
const STEP_MS = 50;
const image: ContentItem = { type: 'image', data: IMAGE, mimeType: 'image/png' };
const text = (said: string): ContentItem => ({ type: 'text', text: said });
const embedded = (uri: string, mimeType: string, said: string): ContentItem => ({ type: 'resource', resource: { uri, mimeType, text: said } });

const answering = (name: string, description: string, content: ContentItem[]): FixtureTool => ({ name, description, input: {}, run: async () => content });

const simple: readonly FixtureTool[] = [
  answering('test_simple_text', 'Answers with a text', [text('This is a simple text response for testing.')]),
  answering('test_image_content', 'Answers with an image', [image]),
  answering('test_audio_content', 'Answers with a sound', [{ type: 'audio', data: AUDIO, mimeType: 'audio/wav' }]),
  answering('test_embedded_resource', 'Answers with a resource', [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')]),
  answering('test_multiple_content_types', 'Answers with a text, an image and a resource', [
    text('Multiple content types test:'),
    image,
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ]),
  {
    name: 'test_error_handling',
    description: 'Fails, always',
    input: {},
    run: () => Promise.reject(new Error('This tool intentionally returns an error for testing')),
  },
];

const talking: readonly FixtureTool[] = [
  {
    name: 'test_tool_with_logging',
    description: 'Writes three lines of log while it runs',
    input: {},
    async run(_args, { notify }) {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await notify('notifications/message', { level: 'info', logger: 'fixture', data });
        await pause(STEP_MS);
      }
      return [text('Logged three lines.')];
    },
  },
  {
    name: 'test_tool_with_progress',
    description: 'Tells its progress in three steps',
    input: {},
    async run(_args, { notify, progressToken }) {
      for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined) await notify('notifications/progress', { progressToken, progress, total: 100 });
        await pause(STEP_MS);
      }
      return [text('All steps are done.')];
    },
  },
  {
    name: 'test_reconnection',
    description: 'Ends its stream before it answers',
    input: {},
    async run(_args, { closeStream }) {
      closeStream();
      await pause(2 * STEP_MS);
      return [text('Answered after the stream was closed.')];
    },
  },
];

const asking: readonly FixtureTool[] = [
  {
    name: 'test_sampling',
    description: 'Asks the client’s model',
    input: { prompt: z.string() },
    async run({ prompt = '' }, { ask }) {
      const answer = await ask('sampling/createMessage', { messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 });
      return [text(`LLM response: ${JSON.stringify(answer.content)}`)];
    },
  },
  elicitation('test_elicitation', 'Asks the client’s user', { message: z.string() }, { username: { type: 'string' }, email: { type: 'string' } }, [
    'username',
    'email',
  ]),
  elicitation(
    'test_elicitation_sep1034_defaults',
    'Asks with defaults of every type',
    {},
    {
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true },
    },
  ),
  elicitation(
    'test_elicitation_sep1330_enums',
    'Asks with every form of a choice',
    {},
    {
      untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
      titledSingle: { type: 'string', oneOf: titled('value', ['First Option', 'Second Option', 'Third Option']) },
      legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
      untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
      titledMulti: { type: 'array', items: { anyOf: titled('value', ['First Choice', 'Second Choice', 'Third Choice']) } },
    },
  ),
];

/** What the suite does not ask for: calls, and questions, that are given up. */
const givingUp: readonly FixtureTool[] = [
  {
    name: 'wait_to_be_cancelled',
    description: 'Answers when it is cancelled',
    input: { mark: z.string() },
    async run({ mark = '' }, { notify, progressToken, signal }) {
      const cancelled = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      if (progressToken !== undefined) await notify('notifications/progress', { progressToken, progress: 1 });
      await cancelled;
      cancelledCalls.add(mark);
      return [text('Nobody reads this.')];
    },
  },
  {
    name: 'ask_and_give_up',
    description: 'Asks the client’s user, and does not wait for long',
    input: {},
    async run(_args, { ask }) {
      const requestedSchema = { type: 'object', properties: { name: { type: 'string' } } };
      const asked = ask('elicitation/create', { message: 'Quick!', requestedSchema }, AbortSignal.timeout(4 * STEP_MS));
      return [
        text(
          await asked.then(
            () => 'answered',
            () => 'given up',
          ),
        ),
      ];
    },
  },
];

/** Marks of the calls of `wait_to_be_cancelled` that were. */
export const cancelledCalls = new Set<string>();

/** All of them, in the order in which they are listed. */
export const fixtureTools: readonly FixtureTool[] = [...simple, ...talking, ...asking, ...givingUp];

function titled(prefix: string, titles: readonly string[]): { const: string; title: string }[] {
  return titles.map((title, i) => ({ const: `${prefix}${i + 1}`, title }));
}

function elicitation(
  name: string,
  description: string,
  input: FixtureTool['input'],
  properties: Readonly<Record<string, unknown>>,
  required?: readonly string[],
): FixtureTool {
  return {
    name,
    description,
    input,
    async run({ message = 'Please fill in the form' }, { ask }) {
      const answer = await ask('elicitation/create', { message, requestedSchema: { type: 'object', properties, ...(required && { required }) } });
      return [text(`Elicitation completed: action=${String(answer.action)}, content=${JSON.stringify(answer.content ?? {})}`)];
    },
  };
}
