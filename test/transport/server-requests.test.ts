// What a server asks of the client and policy does not allow: the client never sees it, the server is told no and goes on.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { TestHop } from '../support/hop.ts';
import { makeRules, namesOf } from '../support/rules.ts';

const asked = (method: string) => `{"jsonrpc":"2.0","id":"s\\u0031","method":"${method}","params":{"secret":"look at this"}}`;
const call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{}}}';
const done = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';

let server: Server | undefined;
afterEach(() => void server?.close());

/** Asks `question` on the call's stream, and ends it once the answer to that has come. */
async function upstream(question: string): Promise<{ url: string; heard: { body: string; session: unknown }[] }> {
  const heard: { body: string; session: unknown }[] = [];
  let stream: ServerResponse | undefined;
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    if (body === call) {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${question}\n\n`);
      return;
    }
    heard.push({ body, session: request.headers['mcp-session-id'] });
    response.writeHead(202).end();
    stream?.end(`data: ${done}\n\n`);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, heard };
}

/** Answers each request with that body. */
async function answering(body: Buffer): Promise<string> {
  server = createServer((_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(body));
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

function open(url: string, serverRequests: ('sampling' | 'elicitation' | 'roots')[]): Promise<TestHop> {
  return TestHop.open({ upstream: url, rules: makeRules({ access: [{ serverRequests }] }) });
}

async function ask(hop: TestHop): Promise<string> {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-session-id': 'the-session' };
  return (await fetch(`http://127.0.0.1:${hop.port}/mcp`, { method: 'POST', headers, body: call })).text();
}

describe('on a stream', () => {
  test.each([
    ['sampling/createMessage', 'sampling'],
    ['elicitation/create', 'elicitation'],
    ['roots/list', 'roots'],
  ] as const)('%s is answered by us, in the client’s session, and recorded', async (method, kind) => {
    const { url, heard } = await upstream(asked(method));
    await using hop = await open(url, []);
    const text = await ask(hop);
    expect(text).toBe(
      `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"warning","logger":"mcprec","data":"policy does not let this server ask for ${kind}"}}\n\ndata: ${done}\n\n`,
    );
    const error = `{"code":4030,"message":"policy does not let this server ask for ${kind}"}`;
    expect(heard).toEqual([{ body: `{"jsonrpc":"2.0","id":"s\\u0031","error":${error}}`, session: 'the-session' }]);
    const refused = hop.entries.filter((entry) => entry.decision?.effect === 'deny');
    expect(refused.map((entry) => [entry.kind, entry.direction, entry.decision?.rule])).toEqual([['decision', 'up', 'access']]);
    expect(hop.entries.map(namesOf).filter((names) => names?.note?.startsWith('refused:')).length).toBe(2);
  });

  test('what is allowed passes as it came', async () => {
    const { url } = await upstream(asked('roots/list'));
    await using hop = await open(url, ['roots']);
    const text = ask(hop);
    await hop.records(2);
    await fetch(`http://127.0.0.1:${hop.port}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":"s1","result":{}}',
    });
    expect(await text).toBe(`data: ${asked('roots/list')}\n\ndata: ${done}\n\n`);
  });
});

test('a result that wants input is withheld', async () => {
  const wants = `{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"x","inputRequests":{"a":{"method":"elicitation\\/create","params":{}}}}}`;
  await using hop = await open(await answering(Buffer.from(wants)), ['sampling', 'roots']);
  expect(JSON.parse(await ask(hop))).toMatchObject({
    id: 1,
    error: { code: 4030, message: 'denied by rule "access": policy does not let this server ask for elicitation' },
  });
});

describe('what clients read otherwise than it looks', () => {
  const deep = `${'['.repeat(300)}${']'.repeat(300)}`;
  const wants = '{"resultType":"input_required","inputRequests":{"a":{"method":"sampling/createMessage"}}}';
  test.each([
    ['the last of two methods', '{"jsonrpc":"2.0","id":5,"method":"notifications/message","method":"sampling/createMessage"}'],
    ['a key in another case', '{"jsonrpc":"2.0","id":5,"Method":"sampling/createMessage"}'],
    ['a request nested deeper than is read', `{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":${deep}}`],
    ['the last of two results', `{"jsonrpc":"2.0","id":1,"result":{},"result":${wants}}`],
    ['the last of two members of a result', `{"jsonrpc":"2.0","id":1,"result":{"inputRequests":{},"inputRequests":{"a":{"method":"sampling/createMessage"}}}}`],
    ['a result nested deeper than is read', `{"jsonrpc":"2.0","id":1,"result":${wants.replace('{', `{"x":${deep},`)}}`],
  ])('%s does not pass', async (_, text) => {
    await using hop = await open(await answering(Buffer.from(text)), ['roots']);
    expect(await ask(hop)).toMatch(/^\{"jsonrpc":"2.0",(?!.*sampling\/createMessage)/);
  });

  test.each([
    ['not text', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"x":"\xff"}}', 'latin1')],
    ['too long', Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"x":"${'x'.repeat(9 * 1024 * 1024)}"}}`)],
  ])('a body that is %s is withheld', async (_, body) => {
    await using hop = await open(await answering(body), []);
    expect(await ask(hop)).toContain('cannot be looked at as policy asks and is withheld');
  });
});
