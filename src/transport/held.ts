// A call that a rule holds: asks whoever keeps holds, lets the client wait, and says what came of it.
import { endExchange } from '../path/answer.ts';
import type { WireFacts } from '../path/drafts.ts';
import { answerStillHeld, draftLateDenial, type HeldCall } from '../path/hold.ts';
import { refusalOf, refuseCall } from '../path/refuse.ts';
import type { ClientRequest } from '../path/request.ts';
import { answerIntakeRefusal, answerRefusal, type HeldNotice, type LocalAnswer, type Refusal } from '../protocol/refusal.ts';
import { type ClientSide, isDone, whenDone } from './client.ts';
import type { Arrived } from './exchange.ts';
import { HeldAnswer } from './held-answer.ts';
import type { Hop } from './hop.ts';
import { KeepAlive } from './waiting.ts';

/** Who asks a human about a call that a rule holds, and knows what was said. */
export interface HoldKeeper {
  /** What holds of the call now. What is final is recorded when it resolves, and so is that the call waits. */
  ask(held: HeldCall): Promise<HoldVerdict>;
  /** A request was denied by that rule: what may have been approved of it holds no more. */
  denied(request: ClientRequest, rule: string): Promise<void>;
  /** Ends the waiting, not the hold, of a request that its client gave up. */
  cancel(idLexeme: string, mcpSessionId: string | undefined): void;
}

/** `released`: the call's own entry is recorded, and its approval used up with it; `hop` is what differs for the rest of it. */
export type FinalVerdict = { readonly kind: 'released'; readonly hop?: Partial<Hop> } | { readonly kind: 'refused'; readonly refusal: Refusal };
export type HoldVerdict = FinalVerdict | { readonly kind: 'waits'; readonly wait: HoldWait };

/** One client that waits. */
export interface HoldWait {
  readonly notice: HeldNotice;
  /** Shown to the client with each sign of life. */
  readonly text: string;
  readonly msMax: number;
  /** Resolves to the final word, or to undefined once `signal` is aborted. */
  decided(signal: AbortSignal): Promise<FinalVerdict | undefined>;
  /** Aborted where somebody else ends the waiting; the reason is a word for the record. */
  readonly ended: AbortSignal;
}

/** What becomes of a held call: it goes on, or is answered here; without `answer` its stream ends, or nobody is there to be told. */
export type PassedHold =
  | { readonly kind: 'released'; readonly hop: Hop; readonly response: ClientSide }
  | { readonly kind: 'answered'; readonly response: ClientSide; readonly answer: LocalAnswer | undefined };

/** Brings a held call to its end, or to where it goes on. Rejects where something cannot be recorded: then it does not go on. */
export async function passHold(hop: Hop, arrived: Arrived, held: HeldCall): Promise<PassedHold> {
  const { response } = arrived;
  if (hop.holds === undefined) {
    // Nobody can be asked here.
    const refused = refuseCall(hop.rules, held.request, refusalOf(hop.rules, held.hold));
    await hop.record(refused.entries);
    hop.counted('denied');
    return { kind: 'answered', response, answer: refused.answer };
  }
  const verdict = await hop.holds.ask(held);
  return verdict.kind === 'waits' ? waitOut(hop, arrived, held, verdict.wait) : goOn(hop, held, verdict, response);
}

function goOn(hop: Hop, held: HeldCall, verdict: FinalVerdict, response: ClientSide): PassedHold {
  if (verdict.kind === 'released') return { kind: 'released', hop: { ...hop, ...verdict.hop }, response };
  hop.counted('denied');
  const { refusal } = verdict;
  return { kind: 'answered', response, answer: held.message === undefined ? answerIntakeRefusal(refusal) : answerRefusal(held.message, refusal) };
}

async function waitOut(hop: Hop, arrived: Arrived, held: HeldCall, wait: HoldWait): Promise<PassedHold> {
  hop.counted('held');
  const over = new AbortController();
  const { notice, text, msMax } = wait;
  const unwatch = watch(arrived, wait, (why) => over.abort(why));
  const late = setTimeout(() => over.abort(WAITED_ENOUGH), msMax);
  const alive = new KeepAlive(hop, { response: arrived.response, held, approvalId: notice.approvalId, text, msMax });
  try {
    const verdict = await wait.decided(over.signal);
    await alive.stop();
    if (verdict !== undefined) return goOn(hop, held, verdict, alive.response);
    return await endWaiting(hop, held, wait, { response: alive.response, why: String(over.signal.reason) });
  } finally {
    clearTimeout(late);
    unwatch();
    await alive.stop();
  }
}

const WAITED_ENOUGH = 'held';

/** Calls `end` with a word for the record once the client or its session is gone, or somebody else ends the waiting. */
function watch({ response, signal }: Arrived, { ended }: HoldWait, end: (why: string) => void): () => void {
  const unwatch = whenDone(response, () => end('client_gone'));
  const signals = signal === undefined ? [ended] : [signal, ended];
  const calls = signals.map((one) => {
    const call = (): void => end(String(one.reason));
    one.addEventListener('abort', call);
    if (one.aborted) call();
    return () => one.removeEventListener('abort', call);
  });
  if (isDone(response)) end('client_gone');
  return () => {
    unwatch();
    for (const undo of calls) undo();
  };
}

/** The waiting is over, the hold is not. */
async function endWaiting(hop: Hop, held: HeldCall, { notice }: HoldWait, { response, why }: { response: ClientSide; why: string }): Promise<PassedHold> {
  const told = why === WAITED_ENOUGH;
  const note = told ? `held: ${notice.approvalId}` : why;
  await hop.record([endExchange(hop.rules, factsNow(hop, held), { failed: told, note })]);
  // Whoever went away or cancelled wants no answer; a client without a stream must still be told that its request is over.
  const silent = why === 'client_gone' || (why === 'client_cancelled' && response instanceof HeldAnswer);
  if (silent && response instanceof HeldAnswer) response.close();
  return { kind: 'answered', response, answer: silent ? undefined : answerStillHeld(held, notice) };
}

/** The entry of a call that waited and is refused in the end. */
export function lateDenial(hop: Pick<Hop, 'rules'>, held: HeldCall, refusal: Refusal) {
  return draftLateDenial(hop.rules, factsNow(hop, held), refusal);
}

function factsNow({ rules }: Pick<Hop, 'rules'>, held: HeldCall): WireFacts {
  const { clock } = rules.ids;
  return { exchange: held.request.facts.exchange, at: { wallMs: clock.wallMs(), monoUs: clock.monoUs() }, wire: undefined, wireBytes: 0 };
}
