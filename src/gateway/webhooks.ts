// Tells webhooks what becomes of requests for approvals: signed as Standard Webhooks says, tried again until it works or its time is over.
import { createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import { request } from 'undici';
import { isoTime } from '../base/clock.ts';
import { type IdSource, newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { Masked } from '../base/masked.ts';
import type { Secret } from '../base/secret.ts';
import type { Masker } from '../mask/masker.ts';
import { statementText } from '../mask/value.ts';
import type { WebhookEvent } from '../policy/words.ts';
import type { Approval, Delivery, DeliveryStore, WaitingDelivery } from '../store/approval.ts';
import { slackMessage, standardMessage } from './webhook-messages.ts';

/** A webhook with its secrets resolved. */
export interface Hook {
  readonly name: string;
  readonly url: Secret;
  readonly format: 'standard' | 'slack';
  /** The bytes behind `whsec_`; undefined where nothing is signed. */
  readonly key: Uint8Array | undefined;
  readonly events: readonly WebhookEvent[];
}

export interface WebhookParts {
  readonly hooks: readonly Hook[];
  readonly store: DeliveryStore;
  readonly ids: IdSource;
  readonly masker: Masker;
  readonly logger: Logger;
}

export class Webhooks {
  readonly #parts: WebhookParts;
  readonly #hooks: ReadonlyMap<string, Hook>;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
    this.#hooks = new Map(parts.hooks.map((hook) => [hook.name, hook]));
  }

  /** What is to be written along with a change, so that no hook misses it. */
  announce(event: WebhookEvent, approval: Approval, link: string): readonly Delivery[] {
    const { ids, masker, hooks } = this.#parts;
    const eventId = newId('evt', ids);
    const dueMs = ids.clock.wallMs();
    const message = { event, at: isoTime(dueMs), approval, link };
    return hooks
      .filter((hook) => hook.events.includes(event))
      .map((hook) => ({
        eventId,
        hook: hook.name,
        dueMs,
        body: statementText(masker, hook.format === 'slack' ? slackMessage(message) : standardMessage(message), {}) satisfies Masked<string>,
      }));
  }

  /** There may be something to tell. */
  nudge(): void {
    if (this.#stopping.signal.aborted || this.#hooks.size === 0) return;
    this.#again = true;
    clearTimeout(this.#timer);
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
    });
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #work(): Promise<void> {
    const { store, ids, logger } = this.#parts;
    try {
      while (this.#again && !this.#stopping.signal.aborted) {
        this.#again = false;
        const due = await store.dueDeliveries(ids.clock.wallMs(), limits.webhooksAtOnceMax);
        await Promise.all(due.map((delivery) => this.#deliver(delivery)));
        if (due.length === limits.webhooksAtOnceMax) this.#again = true;
      }
      const nextMs = await store.nextDeliveryMs();
      if (nextMs === undefined || this.#stopping.signal.aborted) return;
      this.#timer = setTimeout(() => this.nudge(), Math.min(limits.timerMsMax, Math.max(1, nextMs - ids.clock.wallMs())));
    } catch (err) {
      logger.error({ err }, 'webhooks could not be told');
    }
  }

  async #deliver(delivery: WaitingDelivery): Promise<void> {
    const { store, ids, logger } = this.#parts;
    const hook = this.#hooks.get(delivery.hook);
    // It was taken out of the configuration since.
    if (hook === undefined) return store.dropDelivery(delivery);
    const fault = await this.#send(hook, delivery);
    if (fault === undefined) return store.dropDelivery(delivery);
    if (this.#stopping.signal.aborted) return;
    const { eventId, tries } = delivery;
    if (fault.final || tries + 1 >= limits.webhookTriesMax) {
      logger.error({ hook: hook.name, eventId, tries: tries + 1, why: fault.why }, 'a webhook was not told, and is not tried again');
      return store.dropDelivery(delivery);
    }
    logger.warn({ hook: hook.name, eventId, tries: tries + 1, why: fault.why }, 'a webhook could not be told');
    await store.postponeDelivery(delivery, ids.clock.wallMs() + backoffMs(tries, ids));
  }

  /** Undefined where the hook took it. */
  async #send(hook: Hook, { eventId, body }: WaitingDelivery): Promise<{ readonly why: string; readonly final: boolean } | undefined> {
    const seconds = Math.floor(this.#parts.ids.clock.wallMs() / 1000);
    const id = eventId;
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      ...(hook.key && { 'webhook-signature': signWebhook(hook.key, id, seconds, body) }),
    };
    try {
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(limits.webhookMsMax)]);
      const answer = await request(hook.url.reveal(), { method: 'POST', headers, body, signal });
      await answer.body.dump();
      const { statusCode: status } = answer;
      if (status >= 200 && status < 300) return undefined;
      // Gone: the receiver wants no more of it (Standard Webhooks, receivers).
      return { why: `HTTP ${status}`, final: status === 410 };
    } catch (error) {
      // Not the message of a library: it may repeat the address, which may be a secret.
      return { why: (error as NodeJS.ErrnoException).code ?? (error as Error).name, final: false };
    }
  }
}

/** `v1,` and base64 of HMAC-SHA-256 over `id.seconds.body`. Source: Standard Webhooks, signature scheme. */
export function signWebhook(key: Uint8Array, id: string, seconds: number, body: string): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
}

// 1 s, 2 s, 4 s … up to the ceiling, each with up to half of it less.
function backoffMs(tries: number, ids: IdSource): number {
  const ceiling = Math.min(limits.webhookBackoffMsMax, limits.webhookBackoffMsMin * 2 ** Math.min(tries, 20));
  const [byte = 0] = ids.random(1);
  return Math.round(ceiling * (1 - byte / 512));
}
