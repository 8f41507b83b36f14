// `mcprec verify --bundle` and `--reconcile`: a session that came as a file, and what the gateway recorded of the same sessions.
import { readFileSync } from 'node:fs';
import { exitCodes, McprecError } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import { parseBundle, verifyBundle } from '../evidence/bundle.ts';
import type { ReconciledExchange, ReconcileState } from '../evidence/reconcile.ts';
import { openIdentity } from '../identity/gateway-identity.ts';
import type { Journal } from '../journal/journal.ts';
import { reconcileSession } from '../sync/reconciler.ts';
import { type Io, say, sayJson } from './io.ts';
import { type SecretFlags, secretOptions } from './login.ts';

interface ReconcileOptions extends SecretFlags {
  readonly gateway?: string;
}

/** What both vantage points have of one session; `exchanges` are those that did not match. */
export interface Reconciled {
  readonly sessionId: string;
  readonly counts: Readonly<Record<ReconcileState, number>>;
  readonly exchanges: readonly ReconciledExchange[];
}

/** Reconciles the sessions of the gateway that is meant. Throws `login_required` and what the gateway says. */
export async function reconcileAll(
  journal: Journal,
  sessions: readonly { readonly sessionId: string }[],
  options: ReconcileOptions,
  io: Io,
): Promise<Reconciled[]> {
  await using identity = await openIdentity({ ...secretOptions(options, io), gateway: options.gateway, clock: io.clock, random: io.random });
  const found: Reconciled[] = [];
  for (const { sessionId } of sessions) {
    const session = journal.findSession(sessionId);
    if (session.gateway !== identity.gateway || session.record === 'off') continue;
    const { counts, exchanges } = await reconcileSession(journal, session, identity, io.signal);
    found.push({ sessionId, counts, exchanges: exchanges.filter(({ state }) => state !== 'matched') });
  }
  return found;
}

export function sayReconciled(io: Io, { sessionId, counts, exchanges }: Reconciled): void {
  const parts = (Object.keys(counts) as ReconcileState[]).filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${words[state]}`);
  say(io, `${sessionId}  reconciled: ${parts.length === 0 ? 'no calls' : parts.join(', ')}`);
  for (const { exchange, state, why } of exchanges) say(io, escapeHostileLine(`  ${exchange}: ${words[state]}: ${why ?? ''}`));
}

const words = {
  matched: 'matched',
  truncated: 'truncated',
  laptop_pending: 'laptop pending',
  no_laptop_record: 'no laptop record',
  missing: 'missing',
  differs: 'differs',
} as const satisfies Record<ReconcileState, string>;

/** Verifies a bundle. Resolves to 0, or to 7 where anything is wrong. Throws `config_unreadable`, `usage` where the file is no bundle. */
export function runVerifyBundle(file: string, options: { readonly json?: boolean }, io: Io): number {
  const report = verifyBundle(parseBundle(readText(file)));
  const findings = [
    ...report.findings,
    ...report.index.flatMap((one) => one.findings.map((finding) => ({ ...finding, message: `index log: ${finding.message}` }))),
  ];
  const verified = findings.length === 0;
  if (options.json) sayJson(io, { verified, session: report });
  else {
    const seen = report.receipted > 0 ? `${report.receipted} receipted by the gateway` : 'self-attested: no gateway has receipted it';
    say(
      io,
      `${report.sessionId}  ${report.entries} entries, ${report.signed} signed, ${seen}${report.erased > 0 ? `, ${report.erased} erased, authorised` : ''}`,
    );
    for (const { code, index, message } of findings) say(io, escapeHostileLine(`  ${index === undefined ? 'log' : `entry ${index}`}: ${code}: ${message}`));
    say(io, verified ? 'verified' : `${findings.length} findings: not verified`);
  }
  return verified ? 0 : exitCodes.journal;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new McprecError('config_unreadable', `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}
