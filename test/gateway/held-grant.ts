// A grant as a forwarder holds it in tests: signs requests and sends them through the gateway's data path.
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type ExchangeId, type LogId, newId } from '../../src/base/ids.ts';
import type { GrantResponse } from '../../src/protocol/control.ts';
import { bodyMac, signRequest } from '../../src/protocol/signature.ts';
import type { Answer } from './caller.ts';
import type { TestWorld } from './support.ts';

export interface DataChanges {
  readonly exchange?: ExchangeId;
  readonly token?: string;
  readonly session?: string;
  readonly key?: KeyObject;
  readonly connection?: string;
  readonly body?: string;
  readonly signedMs?: number;
  /** Sent in place of what was signed. */
  readonly sentBody?: string;
  readonly sentHeaders?: Readonly<Record<string, string>>;
  readonly mcpSessionId?: string;
  readonly redirect?: 'manual';
  /** Of the client, signed along. */
  readonly own?: Readonly<Record<string, string>>;
  /** Below the connection, where it is not `/mcp`. */
  readonly target?: string;
}

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

export class HeldGrant {
  readonly world: TestWorld;
  readonly logId: LogId;
  readonly response: GrantResponse;
  readonly signingKey: KeyObject;

  constructor(world: TestWorld, logId: LogId, response: GrantResponse, signingKey: KeyObject) {
    this.world = world;
    this.logId = logId;
    this.response = response;
    this.signingKey = signingKey;
  }

  newExchange(): ExchangeId {
    return newId('exc', this.world.ids);
  }

  /** Sends the head and half of the body, waits for `meanwhile`, then sends the rest. Returns the body of the answer. */
  async sendSlowly(meanwhile: () => Promise<unknown>): Promise<string> {
    const { path, headers, body } = this.#signed({});
    const request = httpRequest(`${this.world.gateway.url}${path}`, { method: 'POST', headers: { ...headers, 'content-length': String(body.length) } });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    await new Promise<void>((resolve) => request.write(body.slice(0, 5), () => resolve()));
    // The gateway has let the head in once it asks the session for anything; a second request on the way makes sure of it.
    await this.send();
    await meanwhile();
    request.end(body.slice(5));
    const [response] = await answered;
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  /** One request through the gateway's data path, signed as a forwarder does it. */
  async send(changes: DataChanges = {}): Promise<Answer> {
    const { path, headers, body } = this.#signed(changes);
    const answer = await fetch(`${this.world.gateway.url}${path}`, {
      method: 'POST',
      headers: { ...headers, ...changes.sentHeaders },
      body: changes.sentBody ?? body,
      ...(changes.redirect !== undefined && { redirect: changes.redirect }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** A request with headers of the client's own; its answer as it comes. */
  open({
    headers: own,
    method = 'POST',
    target,
    ...changes
  }: DataChanges & { readonly headers?: Readonly<Record<string, string>>; readonly method?: string; readonly signal?: AbortSignal }): Promise<Response> {
    const { path, headers, body } = this.#signed({ ...changes, ...(own && { own }), ...(target !== undefined && { target }) });
    return fetch(`${this.world.gateway.url}${path}`, { method, headers, body, ...(changes.signal && { signal: changes.signal }) });
  }

  /** The same, for an answer that does not end by itself. */
  stream(): Promise<Response> {
    const { path, headers, body } = this.#signed({});
    return fetch(`${this.world.gateway.url}${path}`, { method: 'POST', headers, body });
  }

  #signed(changes: DataChanges): { readonly path: string; readonly headers: Record<string, string>; readonly body: string } {
    const { world, response } = this;
    const key = changes.key ?? this.signingKey;
    const body = changes.body ?? ping;
    const path = `/c/${changes.connection ?? response.connection.name}${changes.target ?? '/mcp'}`;
    const signed = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcprec-session': changes.session ?? response.sessionId,
      'mcprec-exchange': changes.exchange ?? this.newExchange(),
      'mcprec-body-mac': bodyMac(key, Buffer.from(body)),
      ...(changes.mcpSessionId !== undefined && { 'mcp-session-id': changes.mcpSessionId }),
      ...changes.own,
    };
    const signature = signRequest({
      key,
      method: 'POST',
      targetUri: `${world.gateway.publicUrl}${path}`,
      rawHeaders: Object.entries(signed).flat(),
      createdSeconds: Math.floor((changes.signedMs ?? world.clock.wallMs()) / 1000),
    });
    const authorization = `Bearer ${changes.token ?? response.token}`;
    return { path, body, headers: { ...signed, authorization, 'signature-input': signature.signatureInput, signature: signature.signature } };
  }
}
