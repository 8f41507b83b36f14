// Calls that a rule holds, at the gateway: looks for an approval of this very call, asks for one, and uses it once (RULES R8–R10).
import { McprecError } from '../base/errors.ts';
import { type IdSource, newId } from '../base/ids.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { digestCall } from '../path/digest.ts';
import type { HeldCall } from '../path/hold.ts';
import { type ClientRequest, readMessages } from '../path/request.ts';
import type { Handle } from '../protocol/handles.ts';
import type { Refusal } from '../protocol/refusal.ts';
import type { Approval, Use } from '../store/approval.ts';
import type { Store } from '../store/store.ts';
import { type FinalVerdict, type HoldKeeper, type HoldVerdict, type HoldWait, lateDenial } from '../transport/held.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import { bindingOf, callApproval, type HoldingSession, noticeOf, refusedBy, roundMac, showHeld, tooMany } from './hold-words.ts';
import { Reveals } from './reveals.ts';
import type { ToolForms } from './tool-forms.ts';
import { WaitingCalls } from './waiting-calls.ts';

export interface HoldsParts {
  readonly store: Store;
  readonly desk: ApprovalDesk;
  readonly ids: IdSource;
  readonly tools: Pick<ToolForms, 'accept' | 'definition'>;
  /** How long a client waits before it is told to come again. */
  readonly waitMsMax: () => number;
}

/** Remembers handles that the upstream gave; the hop's own. */
type Bind = (handles: readonly Handle[]) => Promise<void>;

const TRIES_MAX = 5;

export class Holds {
  readonly #parts: HoldsParts;
  /** What approvers may see unmasked; in memory only. */
  readonly reveals = new Reveals();
  readonly #waiting = new WaitingCalls();

  constructor(parts: HoldsParts) {
    this.#parts = parts;
  }

  /** For one request of a session; `session` is asked anew each time, because its rules change. */
  keeperOf(session: HoldingSession, bind: Bind): HoldKeeper {
    return {
      ask: (held) => this.#ask(session, held, bind),
      denied: (request, rule) => this.#supersede(session, request, rule),
      cancel: (idLexeme, mcpSessionId) => this.#waiting.cancel(session.sessionId, idLexeme, mcpSessionId),
    };
  }

  /** Ends all waiting, because the gateway stops. The holds stay. */
  close(): void {
    this.#waiting.endAll();
  }

  async #ask(session: HoldingSession, held: HeldCall, bind: Bind): Promise<HoldVerdict> {
    const { store } = this.#parts;
    const binding = bindingOf(session, held.digest);
    if (await this.#continues(session, held)) return this.#released(session, held, bind);
    let recorded = false;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const known = await store.approvalOfCall(session.sessionId, binding);
      const current = known !== undefined && this.#holdsNow(known, held) ? known : undefined;
      if (current?.state === 'approved') {
        if (await this.#spend(session, held, current, this.#use(session, held, [...held.forward.entries, this.#usedEntry(current, held)])))
          return this.#released(session, held, bind);
        await this.#refuseRepeated(held, current);
        continue;
      }
      if (current?.state === 'refused') return this.#refuseAtOnce(session, held, refusedBy(current, held));
      if (held.hold.maskedArguments === 'deny' && showHeld(session, held, {}).masked > 0) {
        const reason = `${held.hold.reason}: its arguments hold masked values, and nobody could see what they approve`;
        return this.#refuseAtOnce(session, held, {
          rule: held.hold.rule,
          reason,
          remedy: 'Make the call without them',
          decisionId: held.decisionId,
          hidden: false,
        });
      }
      if (!recorded) await record(session, held.entries);
      recorded = true;
      const approval = current?.state === 'pending' ? current : await this.#open(session, held, { known, binding });
      if (approval === 'full') return this.#refuseLate(session, held, tooMany(held));
      if (approval !== undefined) return { kind: 'waits', wait: this.#wait(session, held, { approval, bind }) };
    }
    throw new McprecError('journal_locked', 'the call’s approval changes all the time', { remedy: 'make the call again' });
  }

  /** True where the rule is as it was, and the time is not over. */
  #holdsNow(approval: Approval, { hold }: HeldCall): boolean {
    return Buffer.compare(approval.ruleDigest, hold.ruleDigest) === 0 && approval.expiresMs > this.#parts.ids.clock.wallMs();
  }

  /** Undefined where somebody else has asked for the same meanwhile. */
  async #open(
    session: HoldingSession,
    held: HeldCall,
    { known, binding }: { known: Approval | undefined; binding: Uint8Array },
  ): Promise<Approval | 'full' | undefined> {
    const { desk, ids, store, tools } = this.#parts;
    const { hold } = held;
    const nowMs = ids.clock.wallMs();
    // Of a rule that was changed since, or its time was over and nobody has noticed yet.
    if (known !== undefined) await desk.end(known, known.expiresMs > nowMs ? 'superseded' : known.state === 'approved' ? 'unused' : 'expired');
    const why = (await store.session(session.sessionId))?.reason;
    const definition = tools.definition(session.connection, held.call.tool ?? '');
    const approval = callApproval(session, held, { approvalId: newId('apr', ids), binding, why, definition, nowMs, waitMsMax: this.#parts.waitMsMax() });
    const opened = await desk.open(approval);
    if (opened !== 'opened') return opened === 'full' ? opened : undefined;
    if (hold.reveal === 'approvers') this.reveals.keep(approval.approvalId, held, approval.expiresMs, nowMs);
    return { ...approval, state: 'pending', votes: [] };
  }

  #wait(session: HoldingSession, held: HeldCall, { approval, bind }: { approval: Approval; bind: Bind }): HoldWait {
    const { desk } = this.#parts;
    const { approvalId, approvers, min } = approval;
    const { signal: ended, forget } = this.#waiting.add(session.sessionId, held);
    const who = `${min === 1 ? 'somebody' : `${min} people`} of ${approvers.join(' or ')}`;
    return {
      notice: noticeOf(approval, held, { who, link: desk.link(approvalId) }),
      text: `waiting for an approval by ${who}: ${desk.link(approvalId)}`,
      msMax: this.#parts.waitMsMax(),
      ended,
      decided: async (signal) => {
        try {
          return await this.#decided(session, held, { approval, bind }, signal);
        } finally {
          forget();
        }
      },
    };
  }

  async #decided(session: HoldingSession, held: HeldCall, of: { approval: Approval; bind: Bind }, signal: AbortSignal): Promise<FinalVerdict | undefined> {
    const { store, desk } = this.#parts;
    const { approvalId } = of.approval;
    for (;;) {
      const { promise: changed, resolve } = Promise.withResolvers<void>();
      const unfollow = desk.follow(approvalId, resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
      try {
        const now = signal.aborted ? undefined : await store.approval(approvalId);
        if (signal.aborted || now === undefined) return undefined;
        if (now.state !== 'pending') {
          const verdict = await this.#settle(session, held, { approval: now, bind: of.bind });
          if (verdict !== undefined) return verdict;
          continue;
        }
        await changed;
      } finally {
        unfollow();
      }
    }
  }

  /** What an approval that is not pending any more means for a call that waited; undefined where it changed meanwhile. */
  async #settle(session: HoldingSession, held: HeldCall, { approval, bind }: { approval: Approval; bind: Bind }): Promise<FinalVerdict | undefined> {
    if (approval.state !== 'approved') return this.#refuseLate(session, held, refusedBy(approval, held));
    const { desk } = this.#parts;
    // On use, the policy of now is asked again, and a deny wins (DESIGN §5).
    const decision = session.rules.policy.decide(held.call);
    if (decision.effect === 'deny' || (decision.effect === 'hold' && Buffer.compare(decision.ruleDigest, approval.ruleDigest) !== 0)) {
      const denied = decision.effect === 'deny';
      await desk.end(approval, 'superseded', { reason: denied ? `denied by rule ${decision.rule}` : 'the rule was changed' });
      const reason = denied ? decision.reason : 'the rule was changed while the call waited';
      const remedy = denied ? 'Do not try it again; ask the platform owner if you need it' : 'Make the call again: it is looked at by the rule of now';
      return this.#refuseLate(session, held, { rule: decision.rule, reason, remedy, decisionId: newId('dec', this.#parts.ids), hidden: false });
    }
    const used = await this.#spend(session, held, approval, { ...this.#use(session, held, [this.#usedEntry(approval, held)]), claims: [] });
    return used ? this.#released(session, held, bind) : undefined;
  }

  /** Uses the approval up, and with it accepts the changed tool that it was given for. False where it cannot be used any more. */
  async #spend({ connection }: HoldingSession, { hold, call }: HeldCall, approval: Approval, use: Use): Promise<boolean> {
    if (!(await this.#parts.desk.use(approval, use))) return false;
    if (hold.accepts !== undefined && call.tool !== undefined) await this.#parts.tools.accept(connection, call.tool, hold.accepts);
    return true;
  }

  /** A retry with an upstream's question answered continues the call that was approved (RULES R8). */
  #continues(session: HoldingSession, held: HeldCall): Promise<boolean> {
    const { round } = held;
    if (round?.state === undefined) return Promise.resolve(false);
    return this.#parts.store.spendRound(roundMac(session, held, round.state), this.#use(session, held, held.forward.entries));
  }

  #released(session: HoldingSession, held: HeldCall, bind: Bind): FinalVerdict {
    return {
      kind: 'released',
      hop: {
        bind: async (handles) => {
          const expiresMs = Math.min(session.expiresMs, this.#parts.ids.clock.wallMs() + held.hold.withinMs);
          for (const { kind, value } of handles) {
            if (kind === 'state') await this.#parts.store.keepRound(roundMac(session, held, value), session.sessionId, expiresMs);
          }
          await bind(handles);
        },
      },
    };
  }

  #use({ sessionId, rules }: HoldingSession, held: HeldCall, entries: readonly EntryDraft[]) {
    const off = rules.record === 'off';
    // Where nothing is recorded, the exchange was claimed when it was let in.
    return { sessionId, atMs: this.#parts.ids.clock.wallMs(), entries: off ? [] : entries, claims: off ? [] : [held.request.facts.exchange] };
  }

  #usedEntry(approval: Approval, held: HeldCall): EntryDraft {
    const { accepts } = held.hold;
    return this.#parts.desk.entry(approval, 'approved-used', { exchange: held.request.facts.exchange, ...(accepts && { accepts }) });
  }

  async #refuseAtOnce(session: HoldingSession, held: HeldCall, refusal: Refusal): Promise<FinalVerdict> {
    const [asked] = held.entries;
    await record(session, [{ ...asked, final: true, failed: true, decision: { effect: 'deny', id: refusal.decisionId, rule: refusal.rule } }]);
    return { kind: 'refused', refusal };
  }

  async #refuseLate(session: HoldingSession, held: HeldCall, refusal: Refusal): Promise<FinalVerdict> {
    await record(session, [lateDenial(session, held, refusal)]);
    return { kind: 'refused', refusal };
  }

  /** An approval that could not be used and still can: then it is the exchange that was executed before. */
  async #refuseRepeated(held: HeldCall, before: Approval): Promise<void> {
    const now = await this.#parts.store.approval(before.approvalId);
    if (now?.state !== 'approved' || !this.#holdsNow(now, held)) return;
    throw new McprecError('exchange_repeated', 'this call was made before and is not executed again');
  }

  /** After a deny: an approval that waited for this very call, or to be used by it, is worth nothing any more. */
  async #supersede(session: HoldingSession, request: ClientRequest, rule: string): Promise<void> {
    const { store, desk } = this.#parts;
    const open = await store.openApprovals(session.sessionId);
    if (open.length === 0) return;
    const read = readMessages(request);
    if (read.kind !== 'single') return;
    const binding = bindingOf(session, digestCall(read.text, read.messages[0]).whole);
    for (const approval of open) {
      if (Buffer.compare(approval.binding, binding) === 0) await desk.end(approval, 'superseded', { reason: `denied by rule ${rule}` });
    }
  }
}

async function record(session: HoldingSession, entries: readonly EntryDraft[]): Promise<void> {
  if (session.rules.record !== 'off') await session.log.append(entries);
}
