// Says approvals in words, for the screen and for plain text. What it returns is safe to print.
import { isoTime } from '../base/clock.ts';
import { escapeHostile, escapeHostileLine } from '../base/hostile.ts';
import { limits } from '../base/limits.ts';
import type { ApprovalDetail, ApprovalSummary, Person, ShownText } from '../protocol/approvals.ts';
import { clockText, countText, durationText } from './words.ts';

/** What is asked for, in few words: `mute_monitor`, `a grant`. Not yet safe to print. */
export function whatText({ kind, shown }: ApprovalSummary): string {
  if (kind === 'grant') return 'a grant';
  return shown.tool ?? shown.prompt ?? shown.uri ?? shown.method ?? 'a call';
}

/** One line on one approval. Not yet safe to print. */
export function shortLine(approval: ApprovalSummary): string {
  return `${whatText(approval)} on ${approval.connection} for ${personText(approval.requester)} (${approval.approvalId})`;
}

/** The state in a few words, with the time that is left: `waits, 8m 12s left`. */
export function stateWord({ state, expiresAtMs, votes, min }: ApprovalSummary, nowMs: number): string {
  const left = `${durationText(Math.max(0, expiresAtMs - nowMs)).replace(/\.\d+ s$/, ' s')} left`;
  switch (state) {
    case 'pending':
      return min > 1 ? `waits, ${votes.length} of ${min}, ${left}` : `waits, ${left}`;
    case 'approved':
      return `approved, ${left}`;
    case 'unused':
      return 'approved, unused';
    case 'session_ended':
      return 'session ended';
    case 'used':
    case 'refused':
    case 'expired':
    case 'withdrawn':
    case 'superseded':
      return state;
  }
}

/** A person, as one calls them. */
export function personText({ email, subject }: Person): string {
  return email ?? subject;
}

/** All of it, as lines, with the commands that decide. */
export function printedLines(approval: ApprovalDetail, nowMs: number): string[] {
  const commands = { approve: 'approve', refuse: 'deny --reason …', withdraw: 'cancel' } as const;
  return [...detailLines(approval, nowMs), ...(approval.may.length === 0 ? [] : ['', `you may: ${approval.may.map((what) => commands[what]).join(', ')}`])];
}

/** All of it, as lines. */
export function detailLines(approval: ApprovalDetail, nowMs: number): string[] {
  const { shown, revealed, history } = approval;
  return [
    ...factLines(approval, nowMs),
    ...textLines('arguments', shown.arguments, revealed?.arguments),
    ...textLines('answers', shown.answers, revealed?.answers),
    ...textLines('the tool, as it is now', shown.definition, undefined),
    ...(history === undefined ? [] : historyLines(history)),
  ];
}

function factLines(approval: ApprovalDetail, nowMs: number): string[] {
  const { kind, requester, connection, rule, shown, approvers, min, votes, endedBy, refusal, endedAtMs } = approval;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['approval', approval.approvalId],
    ['state', stateWord(approval, nowMs)],
    ['who', `${personText(requester)}${requester.email === undefined ? '' : ` (${requester.subject})`}`],
    [
      'wants',
      kind === 'grant'
        ? `a grant of ${connection}${shown.ttlMs === undefined ? '' : ` for ${durationText(shown.ttlMs)}`}`
        : `${whatText(approval)} on ${connection}`,
    ],
    ['why', shown.why ?? '(no reason was given)'],
    ['device', shown.device],
    ['rule', `${rule}: ${shown.reason}`],
    ['approvers', `${approvers.join(', ')}${min > 1 ? `, ${min} of them` : ''}`],
    ['approved by', votes.length === 0 ? undefined : votes.map((vote) => `${personText(vote)} at ${clockText(vote.atMs)}`).join(', ')],
    ['asked', isoTime(approval.requestedAtMs)],
    ['until', isoTime(approval.expiresAtMs)],
    ['ended', endedAtMs === undefined ? undefined : `${isoTime(endedAtMs)}${endedBy === undefined ? '' : ` by ${personText(endedBy)}`}`],
    ['refused', refusal],
    ['session', approval.sessionId],
  ];
  return facts.flatMap(([label, value]) => (value === undefined ? [] : [`${label.padEnd(12)}${escapeHostileLine(value)}`]));
}

function textLines(label: string, shown: ShownText | undefined, revealed: string | undefined): string[] {
  if (shown === undefined) return [];
  const text = revealed ?? shown.text;
  const kinds = shown.masks.map(({ kind, length }) => `${kind} of ${countText(length, 'character')}`);
  const others = shown.masked - shown.masks.length;
  const masks = [...kinds, ...(others > 0 ? [countText(others, 'field')] : [])];
  const head = revealed !== undefined ? `${label} (unmasked, for you only)` : masks.length === 0 ? label : `${label} (masked: ${masks.join(', ')})`;
  return ['', escapeHostileLine(head), ...pretty(text).map((line) => `  ${line}`), ...(shown.cut ? ['  … (only the beginning)'] : [])];
}

/** JSON laid out where it is some, without changing a number. */
function pretty(text: string): string[] {
  const lines = escapeHostile(layOut(text)).split('\n');
  return lines.length > limits.printedLinesMax
    ? [...lines.slice(0, limits.printedLinesMax), `… ${countText(lines.length - limits.printedLinesMax, 'more line')}`]
    : lines;
}

// By its lexemes: JSON.parse would show another number than the one that is sent.
function layOut(text: string): string {
  let depth = 0;
  const indent = () => `\n${'  '.repeat(depth)}`;
  return text.replace(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[\]{}:,]|\s+/g, (lexeme) => {
    if (lexeme === '{' || lexeme === '[') {
      depth++;
      return lexeme + indent();
    }
    if (lexeme === '}' || lexeme === ']') {
      depth = Math.max(0, depth - 1);
      return indent() + lexeme;
    }
    if (lexeme === ',') return lexeme + indent();
    if (lexeme === ':') return ': ';
    return /^\s/.test(lexeme) ? '' : /^[[{]/.test(lexeme) ? lexeme.replace(/\s/g, '') : lexeme;
  });
}

function historyLines({ openedAtMs, calls, denied, tools, last }: NonNullable<ApprovalDetail['history']>): string[] {
  return [
    '',
    `in this session since ${isoTime(openedAtMs)}: ${countText(calls, 'call')}, ${denied} denied`,
    ...tools
      .slice(0, 8)
      .map(({ name, calls: n, failed }) => escapeHostileLine(`  ${String(n).padStart(4)} × ${name}${failed > 0 ? `, ${failed} not answered well` : ''}`)),
    ...(last.length === 0 ? [] : ['  last:']),
    ...last.map(({ atMs, name, outcome }) => escapeHostileLine(`  ${clockText(atMs)}  ${name}  ${outcome}`)),
  ];
}
