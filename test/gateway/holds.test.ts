// Calls that a rule holds: what waits, who decides, what goes through and what does not, and what the record says of it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import type { Caller } from './caller.ts';
import type { HeldGrant } from './held-grant.ts';
import { callText, holding, latest, loggedOutcomes, readHeld, sendHeld } from './holding-world.ts';
import { TestWorld } from './support.ts';

let world: TestWorld;
let sre: Caller;
let lead: Caller;
let chief: Caller;
let grant: HeldGrant;

beforeEach(async () => {
  world = await TestWorld.start(holding());
  [sre, lead, chief] = await Promise.all([world.caller('sre'), world.caller('lead'), world.caller('chief')]);
  grant = await sre.grant('datadog', { reason: 'incident 7, asked for by jane.roe@example.com' });
});
afterEach(() => world[Symbol.asyncDispose]());

const reached = (): number => world.upstream.received.filter(({ body }) => body.includes('tools/call')).length;
const approve = (id: string, by: Caller = lead) => by.call('POST', `/v1/approvals/${id}/approve`);
const refuse = (id: string, reason: string, by: Caller = lead) => by.call('POST', `/v1/approvals/${id}/refuse`, { json: { reason } });
const withdraw = (id: string, by: Caller = sre) => by.call('POST', `/v1/approvals/${id}/withdraw`);

/** From here on a held call waits until something happens. */
const patience = (): Promise<void> => world.changeConfig((yaml) => yaml.replace('hold_wait: 300ms', 'hold_wait: 20s'));

async function logged(): Promise<string[]> {
  await world.gateway.close();
  const outcomes = await loggedOutcomes(world, grant.response.sessionId);
  await world.startGateway();
  return outcomes;
}

/** Sends a call and waits until it is held; `answer` is what it comes to. */
async function hold(body = callText(), headers: Readonly<Record<string, string>> = {}) {
  const answer = sendHeld(grant, body, headers);
  await expect.poll(() => latest(lead)).toMatchObject({ state: 'pending' });
  return { answer, approval: await latest(lead) };
}

describe('a held call', () => {
  it('waits, is told what to do, and goes through once when it is made again after the approval', async () => {
    const first = await sendHeld(grant, callText());
    const approval = await latest(lead);
    expect(first.messages.at(-1)).toMatchObject({
      id: 1,
      result: {
        resultType: 'complete',
        isError: true,
        content: [{ text: expect.stringContaining('Held by rule "prod-mutes": Muting wants a second pair of eyes. It needs') }],
      },
    });
    expect(first.text).toContain(approval.link);
    expect(first.headers.get('mcprec-held')).toBe(approval.approvalId);
    expect(first.comments).toBeGreaterThan(0);
    expect(reached()).toBe(0);
    expect((await approve(approval.approvalId)).body).toMatchObject({ state: 'approved', votes: [{ subject: 'lead-bot' }] });
    // White space, the id and _meta are none of the arguments.
    const again = await sendHeld(grant, callText({ id: 2, args: '{ "monitor_id" : 7 }', extra: ',"_meta":{"x":1}' }));
    expect(again.messages).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }]);
    expect(reached()).toBe(1);
    expect((await sendHeld(grant, callText({ id: 3 }))).text).toContain('Held by rule');
    expect(reached()).toBe(1);
    expect(await logged()).toEqual([
      'open',
      'decision request hold',
      'message end',
      'approval approved',
      'message request allow',
      'approval approved-used',
      'message response',
      'decision request hold',
      'message end',
    ]);
  });

  it.each([
    ['7.0', '{"monitor_id":7.0}'],
    ['"7"', '{"monitor_id":"7"}'],
    ['an argument more', '{"monitor_id":7,"scope":null}'],
    ['an escape', '{"monitor\\u005fid":7}'],
  ])('is another call where one lexeme differs (%s)', async (_, args) => {
    await sendHeld(grant, callText());
    await approve((await latest(lead)).approvalId);
    expect((await sendHeld(grant, callText({ args }))).text).toContain('Held by rule');
    expect(reached()).toBe(0);
  });

  it('goes on by itself where it is approved while it waits, and its answer comes in an event', async () => {
    world.upstream.answer = { status: 200, headers: { 'content-type': 'application/json' }, body: '{"jsonrpc":"2.0",\n "id":1,"result":{"muted":true}}' };
    await patience();
    const { answer, approval } = await hold(callText({ extra: ',"_meta":{"progressToken":"p"}' }));
    await approve(approval.approvalId);
    const { messages, status, text } = await answer;
    expect(status).toBe(200);
    expect(messages[0]).toMatchObject({ method: 'notifications/progress', params: { progressToken: 'p', message: expect.stringContaining(approval.link) } });
    // Line by line, as the upstream wrote it.
    expect(text).toContain('data: {"jsonrpc":"2.0",\ndata:  "id":1,"result":{"muted":true}}\n\n');
    expect(reached()).toBe(1);
    expect((await logged()).slice(2)).toEqual([
      'decision request hold',
      'message notification',
      'approval approved',
      'approval approved-used',
      'message response',
    ]);
  });

  it('of a client that takes no events is answered once, in JSON', async () => {
    await patience();
    const { answer, approval } = await hold(callText(), { accept: 'application/json' });
    await approve(approval.approvalId);
    expect(await answer).toMatchObject({ status: 200, comments: 0, messages: [{ id: 1, result: {} }] });
  });

  it.each([
    [
      'another status',
      { status: 404, headers: { 'content-type': 'text/plain' }, body: 'no such session' },
      { error: { code: 5020, message: expect.stringContaining('HTTP 404') } },
    ],
    [
      'an error of its own',
      { status: 400, headers: { 'content-type': 'application/json' }, body: '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"bad"}}' },
      { error: { code: -32602 } },
    ],
    [
      'a stream',
      { status: 200, headers: { 'content-type': 'text/event-stream' }, body: 'id: 5\ndata: {"jsonrpc":"2.0","id":1,"result":{"a":1}}\n\n' },
      { result: { a: 1 } },
    ],
    ['a refused credential', { status: 401, headers: {} }, { error: { code: 5020 } }],
  ])('whose upstream answers with %s ends in an event all the same', async (_, upstream, message) => {
    await patience();
    world.upstream.answer = upstream;
    const { answer, approval } = await hold();
    await approve(approval.approvalId);
    const { messages, status } = await answer;
    expect(status).toBe(200);
    expect(messages).toMatchObject([{ id: 1, ...message }]);
  });

  it('is refused with the approver’s reason, at once and when it is made again', async () => {
    await patience();
    const { answer, approval } = await hold();
    expect((await refuse(approval.approvalId, ' ')).status).toBe(400);
    expect((await refuse(approval.approvalId, 'not during the sale, ask rosa.diaz@postbox.example')).body).toMatchObject({
      state: 'refused',
      refusal: 'not during the sale, ask [email]',
    });
    expect((await answer).messages.at(-1)).toMatchObject({
      result: { isError: true, content: [{ text: expect.stringContaining('lead-bot@harborshop.example refused it: not during the sale') }] },
    });
    expect((await sendHeld(grant, callText())).messages.at(-1)).toMatchObject({
      result: { isError: true, content: [{ text: expect.stringContaining('refused it') }] },
    });
    expect((await approve(approval.approvalId)).body.error).toMatchObject({ code: 'approval_closed', message: expect.stringContaining('refused') });
    expect(reached()).toBe(0);
    expect((await logged()).slice(2)).toEqual(['decision request hold', 'approval refused', 'decision end deny', 'decision request deny']);
  });

  it('of another method is an error with a code of its own', async () => {
    const { messages } = await sendHeld(grant, '{"jsonrpc":"2.0","id":4,"method":"resources/read","params":{"uri":"a:b"}}');
    const { approvalId } = await latest(lead);
    expect(messages.at(-1)).toMatchObject({ id: 4, error: { code: 4031, data: { rule: 'reads', approvalId } } });
    await approve(approvalId);
    expect((await sendHeld(grant, '{"jsonrpc":"2.0","id":4,"method":"resources/read","params":{"uri":"a:b"}}')).messages).toMatchObject([{ result: {} }]);
  });

  it('over plain HTTP waits no longer than its caller, and is worth nothing afterwards', async () => {
    const api = await sre.grant('api');
    const late = await readHeld(await api.open({ target: '/v1/x', body: '{"a":1}' }));
    expect([late.status, late.messages[0].errors[0]]).toEqual([403, expect.stringContaining('not approved in time')]);
    expect((await approve((await latest(lead, true)).approvalId)).body.error.code).toBe('approval_closed');
    await patience();
    const waiting = api.open({ target: '/v1/x', body: '{"a":1}' });
    await expect.poll(async () => (await latest(lead))?.state).toBe('pending');
    await approve((await latest(lead)).approvalId);
    expect((await waiting).status).toBe(200);
    expect(world.upstream.received.filter(({ body }) => body === '{"a":1}')).toHaveLength(1);
  });

  it('in a batch, or that nobody waits for, is refused', async () => {
    const batch = await sendHeld(grant, `[${callText()}]`, { 'mcp-protocol-version': '2025-03-26' });
    expect(batch.text).toContain('a batch cannot wait');
    expect((await sendHeld(grant, callText().replace('"id":1,', ''))).status).toBe(403);
    expect(await latest(lead)).toBeUndefined();
  });
});

describe('a hold ends as', () => {
  it('expired, where nobody decides; its call is then told so', async () => {
    await patience();
    const { answer, approval } = await hold(callText({ tool: 'brief_mute' }));
    world.clock.aheadMs += 61_000;
    expect((await answer).text).toContain('expired: nobody decided in time');
    expect((await approve(approval.approvalId)).body.error.code).toBe('approval_closed');
    expect(await latest(lead, true)).toMatchObject({ state: 'expired' });
    expect((await logged()).slice(1)).toContain('approval expired');
  });

  it('approved and unused, where the call is not made again in time', async () => {
    await sendHeld(grant, callText({ tool: 'brief_mute' }));
    await approve((await latest(lead)).approvalId);
    world.clock.aheadMs += 61_000;
    expect((await sendHeld(grant, callText({ tool: 'brief_mute' }))).text).toContain('Held by rule');
    expect(reached()).toBe(0);
    expect(await logged()).toContain('approval approved-unused');
  });

  it('withdrawn, by whoever asked, and by nobody else', async () => {
    await patience();
    const { answer, approval } = await hold();
    expect((await withdraw(approval.approvalId, lead)).body.error.code).toBe('approval_denied');
    expect((await withdraw(approval.approvalId)).body).toMatchObject({ state: 'withdrawn' });
    expect((await answer).text).toContain('withdrawn by whoever asked for it');
    expect(await logged()).toContain('approval withdrawn');
  });

  it('superseded, where policy denies by the time it is used', async () => {
    await sendHeld(grant, callText());
    const { approvalId } = await latest(lead);
    await approve(approvalId);
    await world.changeConfig((yaml) => yaml.replace('\nrules:\n', '\nrules:\n  - { id: freeze, deny: true, tools: ["mute_*"], message: Change freeze. }\n'));
    expect((await sendHeld(grant, callText())).text).toContain('Denied by rule \\"freeze\\": Change freeze');
    expect(reached()).toBe(0);
    expect((await lead.call('GET', `/v1/approvals/${approvalId}`)).body).toMatchObject({ state: 'superseded' });
    expect((await logged()).slice(-2)).toEqual(['decision request deny', 'approval superseded']);
  });

  it('superseded, where the rule is another one by then: the call is asked about anew', async () => {
    await sendHeld(grant, callText());
    const first = await latest(lead);
    await approve(first.approvalId);
    await world.changeConfig((yaml) => yaml.replace('{ approvers: [sre-leads], within: 10m }', '{ approvers: [sre-leads], within: 11m }'));
    expect((await sendHeld(grant, callText())).text).toContain('Held by rule');
    expect((await latest(lead)).approvalId).not.toBe(first.approvalId);
    expect((await lead.call('GET', `/v1/approvals/${first.approvalId}`)).body).toMatchObject({ state: 'superseded' });
  });

  it('over with its session; an approval after that comes too late', async () => {
    await patience();
    const { answer, approval } = await hold();
    const ended = await sre.call('DELETE', `/v1/grants/${grant.response.grantId}`);
    expect(ended.status).toBe(200);
    await answer;
    expect((await approve(approval.approvalId)).body.error).toMatchObject({ code: 'approval_closed', message: expect.stringContaining('session') });
    expect((await lead.call('GET', `/v1/approvals/${approval.approvalId}`)).body).toMatchObject({ state: 'session_ended' });
    expect((await logged()).slice(-2)).toEqual(['approval session-ended', 'close']);
  });

  it('over, where the grant has run out before anybody has noticed', async () => {
    await sendHeld(await sre.grant('datadog', { ttlSeconds: 60 }), callText());
    const { approvalId } = await latest(lead);
    world.clock.aheadMs += 61_000;
    const { status, body } = await approve(approvalId);
    expect([status, body.error.code]).toEqual([409, 'approval_closed']);
  });
});

describe('a client that goes away', () => {
  it('ends its waiting and not the hold: the call goes through later', async () => {
    await patience();
    const leave = new AbortController();
    const waiting = grant.open({ body: callText(), signal: leave.signal }).then((response) => response.text());
    await expect.poll(async () => (await latest(lead))?.state).toBe('pending');
    leave.abort();
    await expect(waiting).rejects.toThrow();
    await approve((await latest(lead)).approvalId);
    expect((await sendHeld(grant, callText())).messages).toMatchObject([{ result: {} }]);
    expect(reached()).toBe(1);
  });

  it('by notifications/cancelled, likewise', async () => {
    await patience();
    const { answer, approval } = await hold(callText({ id: 9 }));
    await sendHeld(grant, '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9,"reason":"Request timed out"}}');
    expect((await answer).messages).toEqual([]);
    expect(await latest(lead)).toMatchObject({ approvalId: approval.approvalId, state: 'pending' });
    await approve(approval.approvalId);
    expect((await sendHeld(grant, callText({ id: 10 }))).messages).toMatchObject([{ result: {} }]);
  });
});

describe('a gateway that is started again while a call is held', () => {
  it('tells the caller what to do, keeps the hold, and lets the call through after the approval', async () => {
    await patience();
    const { answer, approval } = await hold();
    await world.restartGateway();
    expect((await answer).text).toContain('Held by rule');
    expect(await latest(lead)).toMatchObject({ approvalId: approval.approvalId, state: 'pending' });
    await approve(approval.approvalId);
    await world.restartGateway();
    expect((await sendHeld(grant, callText())).messages).toMatchObject([{ result: {} }]);
    expect(reached()).toBe(1);
  });
});

it('nobody crowds out what others ask for', async () => {
  await sendHeld(grant, callText({ args: '{"mine":true}' }));
  const other = await chief.grant('datadog');
  const answers = await Promise.all(Array.from({ length: limits.openApprovalsMax + 20 }, (_, i) => sendHeld(other, callText({ args: `{"n":${i}}` }))));
  expect(answers.filter(({ text }) => text.includes('100 requests of yours wait for one already'))).toHaveLength(20);
  const { body } = await lead.call('GET', '/v1/approvals');
  expect(body.approvals).toHaveLength(limits.openApprovalsMax + 1);
  expect((await sendHeld(grant, callText())).text).toContain('Held by rule');
});

describe('who decides', () => {
  it('is never whoever asked, also as one of the approvers', async () => {
    const own = await chief.grant('datadog');
    await sendHeld(own, callText());
    const { approvalId, may } = await latest(chief);
    expect(may).toEqual(['withdraw']);
    const { status, body } = await approve(approvalId, chief);
    expect([status, body.error.code, body.error.message]).toEqual([403, 'approval_denied', 'nobody decides about what they asked for themselves']);
    expect((await refuse(approvalId, 'x', chief)).body.error.code).toBe('approval_denied');
    await world.gateway.close();
    expect((await loggedOutcomes(world, own.response.sessionId)).filter((outcome) => outcome === 'approval turned-away')).toHaveLength(2);
    await world.startGateway();
    expect((await approve(approvalId, lead)).body).toMatchObject({ state: 'approved' });
  });

  it('is not whose machine asked', async () => {
    await world.changeConfig((yaml) => yaml.replace('identity:\n', 'identity:\n  machine_owners: { sre-bot: lead-bot@harborshop.example }\n'));
    await sendHeld(grant, callText());
    const { approvalId, may } = await latest(lead);
    expect(may).toEqual(['withdraw']);
    expect((await approve(approvalId, lead)).body.error.code).toBe('approval_denied');
    expect((await approve(approvalId, chief)).body).toMatchObject({ state: 'approved' });
  });

  it.each([
    ['the machine of whoever asked', '{ lead-bot: SRE-bot@harborshop.example }'],
    ['another machine of the same owner', '{ lead-bot: maya.okafor, sre-bot: maya.okafor }'],
  ])('is not %s', async (_, owners) => {
    await world.changeConfig((yaml) => yaml.replace('identity:\n', `identity:\n  machine_owners: ${owners}\n`));
    await sendHeld(grant, callText());
    const { approvalId } = await latest(chief);
    expect((await approve(approvalId, lead)).body.error.code).toBe('approval_denied');
    expect((await approve(approvalId, chief)).body).toMatchObject({ state: 'approved' });
  });

  it('counts once with a machine of theirs', async () => {
    await world.changeConfig((yaml) => yaml.replace('identity:\n', 'identity:\n  machine_owners: { lead-bot: chief-bot }\n'));
    await sendHeld(grant, callText({ tool: 'drop_index' }));
    const { approvalId } = await latest(lead);
    for (const by of [lead, chief]) expect((await approve(approvalId, by)).body).toMatchObject({ state: 'pending', votes: [{ subject: 'lead-bot' }] });
  });

  it('must be in the group in the moment of deciding, with the link or without', async () => {
    await sendHeld(grant, callText());
    const { approvalId } = await latest(lead);
    world.machines.lead.groups.length = 0;
    lead.forgetToken();
    const { status, body } = await approve(approvalId);
    expect([status, body.error.code, body.error.message]).toEqual([403, 'approval_denied', 'your groups are none of those that decide: sre-leads']);
    expect((await lead.call('GET', `/v1/approvals/${approvalId}`)).body.error.code).toBe('approval_denied');
    expect(await latest(lead)).toBeUndefined();
    expect(await logged()).toContain('approval turned-away');
    world.machines.lead.groups.push('sre-leads');
  });

  it('must be as many as the rule says; two at once are two', async () => {
    await sendHeld(grant, callText({ tool: 'drop_index' }));
    const { approvalId } = await latest(lead);
    const votes = await Promise.all([approve(approvalId, lead), approve(approvalId, chief)]);
    expect(votes.map(({ body }) => body.state).toSorted()).toEqual(['approved', 'pending']);
    expect((await sendHeld(grant, callText({ tool: 'drop_index' }))).messages).toMatchObject([{ result: {} }]);
  });

  it('counts once', async () => {
    await sendHeld(grant, callText({ tool: 'drop_index' }));
    const { approvalId } = await latest(lead);
    await approve(approvalId);
    expect((await approve(approvalId)).body).toMatchObject({ state: 'pending', votes: [{ subject: 'lead-bot' }] });
  });

  it('sees who, what, why, the rule, the arguments masked, and what happened before', async () => {
    await grant.send({ body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_logs","arguments":{}}}' });
    await sendHeld(grant, callText({ args: '{"monitor_id":7,"for":"rosa.diaz@postbox.example"}' }));
    const { approvalId } = await latest(lead);
    const { body } = await lead.call('GET', `/v1/approvals/${approvalId}`);
    expect(body).toMatchObject({
      requester: { subject: 'sre-bot', email: 'sre-bot@harborshop.example' },
      connection: 'datadog',
      rule: 'prod-mutes',
      shown: {
        tool: 'mute_monitor',
        why: 'incident 7, asked for by [email]',
        reason: 'Muting wants a second pair of eyes.',
        arguments: { text: '{"monitor_id":7,"for":"[email]"}', masks: [{ kind: 'email', length: 25 }], masked: 1 },
      },
      history: {
        calls: 2,
        tools: [{ name: 'search_logs', calls: 1 }, { name: 'mute_monitor' }],
        last: [{ name: 'search_logs', outcome: 'ok' }, { name: 'mute_monitor' }],
      },
      may: ['approve', 'refuse'],
    });
    expect(JSON.stringify(body)).not.toContain('rosa.diaz');
  });

  it('sees the arguments unmasked where the rule reveals them, and only approvers do', async () => {
    const secret = callText({ tool: 'reveal_it', args: '{"to":"rosa.diaz@postbox.example"}' });
    await sendHeld(grant, secret);
    const { approvalId } = await latest(lead);
    expect((await lead.call('GET', `/v1/approvals/${approvalId}`)).body.revealed).toEqual({ arguments: '{"to":"rosa.diaz@postbox.example"}' });
    expect((await sre.call('GET', `/v1/approvals/${approvalId}`)).body.revealed).toBeUndefined();
    await world.restartGateway();
    expect((await lead.call('GET', `/v1/approvals/${approvalId}`)).body.revealed).toBeUndefined();
  });

  it('is not asked where the arguments would be masked and the rule wants them seen', async () => {
    expect((await sendHeld(grant, callText({ tool: 'mail_all', args: '{"to":"rosa.diaz@postbox.example"}' }))).text).toContain('masked values');
    expect(await latest(lead)).toBeUndefined();
    await sendHeld(grant, callText({ tool: 'mail_all', args: '{"to":"everybody"}' }));
    expect(await latest(lead)).toMatchObject({ rule: 'unmasked-only' });
  });
});

describe('a call in several rounds', () => {
  const round = (state: string, extra: string) => callText({ extra: `,"requestState":"${state}","inputResponses":${extra}` });
  it('is approved once: the answer to the server’s question goes on, once, with the same arguments only', async () => {
    world.upstream.answer = {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"s1","inputRequests":{}}}',
    };
    await sendHeld(grant, callText());
    await approve((await latest(lead)).approvalId);
    await sendHeld(grant, callText());
    expect(reached()).toBe(1);
    world.upstream.answer = undefined;
    const other = callText({ args: '{"monitor_id":8}', extra: ',"requestState":"s1","inputResponses":{"q":true}' });
    expect((await sendHeld(grant, other)).text).toContain('Held by rule');
    expect((await sendHeld(grant, round('s1', '{"q":true}'))).messages).toMatchObject([{ result: {} }]);
    expect(reached()).toBe(2);
    expect((await sendHeld(grant, round('s1', '{"q":false}'))).text).toContain('Held by rule');
    expect(reached()).toBe(2);
  });
});
