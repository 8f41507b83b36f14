// What approvers may see unmasked (`reveal: approvers`). In the memory of this process only, and no longer than the approval is open.
import type { ApprovalId } from '../base/ids.ts';
import { limits } from '../base/limits.ts';
import type { HeldCall } from '../path/hold.ts';

export interface Revealed {
  readonly arguments?: string;
  readonly answers?: string;
}

export class Reveals {
  readonly #kept = new Map<ApprovalId, { readonly revealed: Revealed; readonly expiresMs: number }>();

  keep(approvalId: ApprovalId, { shown, answers }: HeldCall, expiresMs: number, nowMs: number): void {
    for (const [id, kept] of this.#kept) if (kept.expiresMs <= nowMs) this.#kept.delete(id);
    const max = limits.printedCharactersMax;
    this.#kept.set(approvalId, {
      expiresMs,
      revealed: { ...(shown && { arguments: shown.text.slice(0, max) }), ...(answers && { answers: answers.text.slice(0, max) }) },
    });
  }

  of(approvalId: ApprovalId, nowMs: number): Revealed | undefined {
    const kept = this.#kept.get(approvalId);
    return kept !== undefined && kept.expiresMs > nowMs ? kept.revealed : undefined;
  }

  drop(approvalId: ApprovalId): void {
    this.#kept.delete(approvalId);
  }
}
