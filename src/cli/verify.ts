// `mcprec verify`: recomputes all that the journal claims and says which entry is wrong, how, and what it means.
import { exitCodes } from '../base/errors.ts';
import { escapeHostileLine } from '../base/hostile.ts';
import type { Finding } from '../evidence/findings.ts';
import { soloSigner } from '../identity/solo-key.ts';
import { openJournal } from '../journal/journal.ts';
import type { SessionReport } from '../journal/verify.ts';
import { witnessPlaces } from '../sync/receipts.ts';
import { auditSolo } from '../sync/solo-witness.ts';
import { journalPath } from './home.ts';
import { type Io, say, sayJson } from './io.ts';
import type { SecretFlags } from './login.ts';
import { runVerifyGateway } from './verify-gateway.ts';
import { reconcileAll, runVerifyBundle, sayReconciled } from './verify-more.ts';

export interface VerifyOptions extends SecretFlags {
  /** Id or unique prefix; without it every session is verified. */
  readonly session?: string;
  /** A bundle instead of the journal. */
  readonly bundle?: string;
  readonly reconcile?: boolean;
  readonly gateway?: string;
  readonly json?: boolean;
}

/** Verifies the journal, a bundle, or (`--gateway` without `--session` and `--reconcile`) what the gateway holds. Resolves to 0, or to 7 (`verify_failed`) where anything is wrong. Throws `not_found`, `id_ambiguous`, `journal_*`. */
export async function runVerify(options: VerifyOptions, io: Io): Promise<number> {
  if (options.bundle !== undefined) return runVerifyBundle(options.bundle, options, io);
  const { gateway } = options;
  if (gateway !== undefined && !options.reconcile && options.session === undefined) return runVerifyGateway({ ...options, gateway }, io);
  using journal = openJournal({ path: journalPath(io.home), clock: io.clock, random: io.random, mode: 'read' });
  const verifier = journal.verifier();
  const ids = options.session === undefined ? verifier.sessionIds() : [journal.findSession(options.session).sessionId];
  const reports: SessionReport[] = [];
  for (const id of ids) {
    if (io.signal.aborted) return exitCodes.cancelled;
    const report = verifier.verifySession(id);
    reports.push(report);
    if (!options.json) sayReport(io, report);
  }
  const places = options.session === undefined ? witnessPlaces(io.env) : [];
  const whole = options.session === undefined ? verifier.verifyWhole() : [];
  if (places.length > 0) whole.push(...(await auditSolo(journal, soloSigner(io.home).publicKey, places)));
  const reconciled = options.reconcile || options.gateway !== undefined ? await reconcileAll(journal, reports, options, io) : [];
  const failed = reports.filter(hasFindings);
  const differing = reconciled.filter(({ counts }) => counts.differs > 0 || counts.missing > 0);
  const verified = failed.length === 0 && whole.length === 0 && differing.length === 0;
  if (options.json) sayJson(io, { verified, sessions: reports, findings: whole, ...(reconciled.length > 0 && { reconciled }) });
  else {
    for (const finding of whole) say(io, describe(finding));
    for (const one of reconciled) sayReconciled(io, one);
    say(io, summarise(reports, failed, whole));
    if (differing.length > 0) say(io, `${count(differing.length, 'session')} not what the gateway recorded: not verified`);
  }
  return verified ? 0 : exitCodes.journal;
}

function hasFindings(report: SessionReport): boolean {
  return report.findings.length > 0;
}

function sayReport(io: Io, report: SessionReport): void {
  const { sessionId, connection, entries, findings, more } = report;
  const outcome = findings.length === 0 ? `verified${remarkOf(report)}` : count(findings.length + more, 'finding');
  say(io, escapeHostileLine(`${sessionId}  ${connection}  ${count(entries, 'entry')}  ${outcome}`));
  for (const finding of findings) say(io, `  ${describe(finding)}`);
  if (more > 0) say(io, `  and ${more} more`);
}

function remarkOf({ erased, pruned }: SessionReport): string {
  return `${erased > 0 ? `, ${count(erased, 'entry')} erased, authorised` : ''}${pruned > 0 ? `, ${count(pruned, 'entry')} pruned` : ''}`;
}

function describe({ code, index, message }: Finding): string {
  return escapeHostileLine(`${index === undefined ? 'journal' : `entry ${index}`}: ${code}: ${message}`);
}

function summarise(reports: readonly SessionReport[], failed: readonly SessionReport[], whole: readonly Finding[]): string {
  const entries = reports.reduce((sum, report) => sum + report.entries, 0);
  const read = `${count(reports.length, 'session')}, ${count(entries, 'entry')}`;
  if (failed.length === 0 && whole.length === 0) return `${read}: all verified`;
  const findings = failed.reduce((sum, report) => sum + report.findings.length + report.more, whole.length);
  return `${read}: ${count(findings, 'finding')}, ${count(failed.length, 'session')} not verified`;
}

function count(n: number, noun: 'session' | 'entry' | 'finding'): string {
  const plural = noun === 'entry' ? 'entries' : `${noun}s`;
  return `${n} ${n === 1 ? noun : plural}`;
}
