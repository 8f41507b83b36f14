// What the fixture servers hand out: resources and prompts, the same in both eras.

/** One red pixel. */
export const IMAGE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** A WAV file without a sound in it. */
export const AUDIO = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

export const serverInfo = { name: 'mcprec-fixture', version: '1.0.0' };

export const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  logging: {},
};

export interface FixtureResource {
  readonly name: string;
  readonly uri: string;
  readonly mimeType: string;
  readonly description: string;
  readonly body: { text: string } | { blob: string };
}

export const fixtureResources: readonly FixtureResource[] = [
  {
    name: 'static-text',
    uri: 'test://static-text',
    mimeType: 'text/plain',
    description: 'A text that never changes',
    body: { text: 'This is the content of the static text resource.' },
  },
  { name: 'static-binary', uri: 'test://static-binary', mimeType: 'image/png', description: 'An image that never changes', body: { blob: IMAGE } },
  {
    name: 'watched-resource',
    uri: 'test://watched-resource',
    mimeType: 'text/plain',
    description: 'A text to subscribe to',
    body: { text: 'Watched resource content' },
  },
];

export const fixtureTemplate = {
  name: 'template',
  uriTemplate: 'test://template/{id}/data',
  description: 'Data by id',
  read: (uri: string, id: string) => ({
    contents: [{ uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }],
  }),
};

type PromptContent =
  | { type: 'text'; text: string }
  | { type: 'image'; data: string; mimeType: string }
  | { type: 'resource'; resource: { uri: string; mimeType: string; text: string } };

export interface FixturePrompt {
  readonly name: string;
  readonly description: string;
  readonly args: readonly string[];
  say(args: Readonly<Record<string, string>>): readonly PromptContent[];
}

export const fixturePrompts: readonly FixturePrompt[] = [
  { name: 'test_simple_prompt', description: 'One line', args: [], say: () => [{ type: 'text', text: 'This is a simple prompt for testing.' }] },
  {
    name: 'test_prompt_with_arguments',
    description: 'One line with two arguments',
    args: ['arg1', 'arg2'],
    say: ({ arg1, arg2 }) => [{ type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }],
  },
  {
    name: 'test_prompt_with_embedded_resource',
    description: 'A resource and a line',
    args: ['resourceUri'],
    say: ({ resourceUri = '' }) => [
      { type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } },
      { type: 'text', text: 'Please process the embedded resource above.' },
    ],
  },
  {
    name: 'test_prompt_with_image',
    description: 'An image and a line',
    args: [],
    say: () => [
      { type: 'image', data: IMAGE, mimeType: 'image/png' },
      { type: 'text', text: 'Please analyze the image above.' },
    ],
  },
];

/** The messages of a prompt. */
export function messagesOf(contents: readonly PromptContent[]): { role: 'user'; content: PromptContent }[] {
  return contents.map((content) => ({ role: 'user', content }));
}
