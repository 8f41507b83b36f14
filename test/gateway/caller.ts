// One who calls the gateway's control API in tests: an access token of the real provider, a DPoP key, a device key.
import { createSecretKey } from 'node:crypto';
import { compactDecrypt, exportJWK, generateKeyPair } from 'jose';
import { newId } from '../../src/base/ids.ts';
import { systemRandom } from '../../src/base/random.ts';
import { Secret } from '../../src/base/secret.ts';
import { type DeviceKey, importDeviceKey, newDeviceJwk, signDevice } from '../../src/identity/device.ts';
import { type DpopKey, importDpopKey, makeProof, newDpopJwk } from '../../src/identity/dpop.ts';
import { HeldGrant } from './held-grant.ts';
import type { MachineName, TestWorld } from './support.ts';

export interface CallChanges {
  readonly json?: unknown;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly scheme?: string;
  /** In place of a fresh proof. */
  readonly proof?: string | undefined;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the tests read answers of every shape
  readonly body: any;
}

export class Caller {
  readonly world: TestWorld;
  readonly key: DpopKey;
  readonly device: DeviceKey;
  readonly #name: MachineName;
  #token: string | undefined;

  private constructor(world: TestWorld, name: MachineName, key: DpopKey, device: DeviceKey) {
    this.world = world;
    this.#name = name;
    this.key = key;
    this.device = device;
  }

  static async make(world: TestWorld, name: MachineName): Promise<Caller> {
    return new Caller(world, name, await importDpopKey(await newDpopJwk()), importDeviceKey(newDeviceJwk()));
  }

  /** An access token bound to the caller's key; kept. */
  async token(): Promise<string> {
    this.#token ??= await this.fetchToken();
    return this.#token;
  }

  /** The next call gets a new token, with the groups of now. */
  forgetToken(): void {
    this.#token = undefined;
  }

  /** `unbound`: without a proof, as providers that know no DPoP give them. */
  async fetchToken(kind: 'bound' | 'unbound' = 'bound', provider = this.world.provider): Promise<string> {
    const { clientId, clientSecret } = this.world.machines[this.#name];
    const url = `${provider.issuer}/token`;
    const proof =
      kind === 'bound'
        ? {
            dpop: await makeProof(
              this.key,
              { method: 'POST', url },
              { clock: { ...this.world.clock, wallMs: Date.now, monoUs: () => 0 }, random: systemRandom },
            ),
          }
        : {};
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`, ...proof },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: provider.audience }),
    });
    const body = (await response.json()) as { access_token?: string };
    if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
    return body.access_token;
  }

  proof(method: string, path: string, token: string, world = this.world.ids): Promise<string> {
    return makeProof(this.key, { method, url: `${this.world.gateway.publicUrl}${path}`, accessToken: new Secret(token) }, world);
  }

  async call(method: string, path: string, changes: CallChanges = {}): Promise<Answer> {
    const response = await this.send(method, path, changes);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  }

  async send(method: string, path: string, changes: CallChanges = {}): Promise<Response> {
    const token = changes.token ?? (await this.token());
    const proof = 'proof' in changes ? changes.proof : await this.proof(method, path, token);
    const body = changes.json === undefined ? changes.body : JSON.stringify(changes.json);
    return fetch(`${this.world.gateway.url}${path}`, {
      method,
      headers: {
        authorization: `${changes.scheme ?? 'DPoP'} ${token}`,
        ...(proof !== undefined && { dpop: proof }),
        ...(changes.json !== undefined && { 'content-type': 'application/json' }),
        ...changes.headers,
      },
      ...(body !== undefined && { body: body as string }),
      ...(changes.signal && { signal: changes.signal }),
    });
  }

  /** A grant request's body, with the ephemeral private key that opens the answer. */
  async wish(connection: string, over: Readonly<Record<string, unknown>> = {}) {
    const ephemeral = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true });
    const json = {
      connection,
      logId: newId('log', this.world.ids),
      device: { name: 'laptop', publicKey: this.device.publicJwk, signature: signDevice(this.device, this.key.thumbprint, this.world.gateway.publicUrl) },
      ephemeralKey: await exportJWK(ephemeral.publicKey),
      client: { program: 'test', version: '1', pid: 1, host: 'host', user: 'user' },
      ...over,
    };
    return { json, privateKey: ephemeral.privateKey };
  }

  async grant(connection: string, over: Readonly<Record<string, unknown>> = {}): Promise<HeldGrant> {
    const { json, privateKey } = await this.wish(connection, over);
    const answer = await this.call('POST', '/v1/grants', { json });
    if (answer.status !== 201) throw new Error(`no grant: ${answer.status} ${JSON.stringify(answer.body)}`);
    const { plaintext } = await compactDecrypt(answer.body.keys, privateKey);
    const keys = JSON.parse(Buffer.from(plaintext).toString()) as { signing: string; reconcile: string };
    return new HeldGrant(this.world, json.logId, answer.body, createSecretKey(Buffer.from(keys.signing, 'base64url')));
  }
}
