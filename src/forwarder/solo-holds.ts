// Calls that a rule holds where there is no gateway: whoever sits at the terminal of `connect` is asked, and nobody else can be.
import { type ApprovalId, newId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { EntryDraft } from '../evidence/entry.ts';
import { maskValue, statementBytes } from '../mask/value.ts';
import type { HeldCall } from '../path/hold.ts';
import type { PathRules } from '../path/rules.ts';
import type { Refusal } from '../protocol/refusal.ts';
import { type FinalVerdict, type HoldKeeper, lateDenial } from '../transport/held.ts';

/** What the person at the terminal is asked; its texts are masked, and not yet safe to print. */
export interface HoldQuestion {
  readonly rule: string;
  readonly reason: string;
  /** The tool, or what else is called, with its arguments. */
  readonly call: string;
}

/** Resolves to undefined where nobody answered before `signal` was aborted. */
export type AskHold = (question: HoldQuestion, signal: AbortSignal) => Promise<'approve' | 'refuse' | undefined>;

export interface SoloHoldsParts {
  readonly rules: () => PathRules;
  readonly record: (entries: readonly EntryDraft[]) => Promise<void>;
  readonly askHold: AskHold;
}

export function soloHolds({ rules, record, askHold }: SoloHoldsParts): HoldKeeper {
  const decided = async (held: HeldCall, approvalId: ApprovalId, signal: AbortSignal): Promise<FinalVerdict | undefined> => {
    const answer = await askHold(questionOf(rules(), held), signal);
    if (answer === undefined) return undefined;
    const approved = answer === 'approve';
    const said = approvalEntry(rules(), held, { approvalId, approved });
    if (approved) {
      await record([said]);
      return { kind: 'released' };
    }
    const { rule } = held.hold;
    const refusal: Refusal = { rule, reason: 'it was refused at the terminal', remedy: 'Do not try it again', decisionId: held.decisionId, hidden: false };
    await record([said, lateDenial({ rules: rules() }, held, refusal)]);
    return { kind: 'refused', refusal };
  };
  return {
    async ask(held) {
      const approvalId = newId('apr', rules().ids);
      await record(held.entries);
      const { rule, reason } = held.hold;
      const remedy = 'It must be approved where mcprec connect runs; make the very same call again and have it answered there';
      return {
        kind: 'waits',
        wait: {
          notice: { rule, reason, approvalId, decisionId: held.decisionId, remedy },
          text: 'waiting for an answer where mcprec connect runs',
          msMax: limits.holdWaitMsDefault,
          ended: new AbortController().signal,
          decided: (signal) => decided(held, approvalId, signal),
        },
      };
    },
    denied: () => Promise.resolve(),
    cancel: () => undefined,
  };
}

function questionOf({ masker }: PathRules, { hold, call, shown }: HeldCall): HoldQuestion {
  const name = maskValue(masker, { name: call.tool ?? call.prompt ?? call.uri ?? call.method }).value.name;
  const args = shown === undefined ? '' : masker.mask(shown.text, { form: shown.form, scope: 'free', target: 'record' }).text;
  return { rule: hold.rule, reason: hold.reason, call: `${name} ${args}`.trimEnd() };
}

function approvalEntry({ ids, masker }: PathRules, held: HeldCall, { approvalId, approved }: { approvalId: ApprovalId; approved: boolean }): EntryDraft {
  const stated = { approval: approvalId, outcome: approved ? 'approved-used' : 'refused', kind: 'call', rule: held.hold.rule, by: 'terminal' };
  return {
    kind: 'approval',
    exchange: held.request.facts.exchange,
    wallMs: ids.clock.wallMs(),
    monoUs: ids.clock.monoUs(),
    wireBytes: 0,
    decision: { effect: approved ? 'allow' : 'hold', id: newId('dec', ids), rule: held.hold.rule },
    maskerVersion: masker.version,
    payload: statementBytes(masker, stated, {}),
  };
}
