// What a stdio client is told where no session can be opened for it: a client seldom shows the stderr or the exit code of its command.
import { asMcprecError, type ErrorCategory } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { maskPrinted } from '../mask/log.ts';
import { LineSplitter } from '../protocol/lines.ts';
import { rpcCodes, rpcFailure } from '../protocol/refusal.ts';
import { outlineOf } from '../transport/outline.ts';
import type { Io } from './io.ts';

/** Answers the client's first request with that error; gives up where none comes in `limits.stdioRefusalMsMax`. Never rejects. */
export async function refuseStdio(error: unknown, { stdin, stdout }: Pick<Io, 'stdin' | 'stdout'>): Promise<void> {
  const { message, remedy, category } = asMcprecError(error);
  if (stdin.isTTY || stdin.destroyed) return;
  const late = setTimeout(() => stdin.destroy(), limits.stdioRefusalMsMax);
  const splitter = new LineSplitter(limits.requestBytesMax);
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      const owed = splitter.push(chunk).flatMap((piece) => (piece.kind === 'line' ? outlineOf(piece.message).owed : []));
      for (const [, idLexeme] of owed) stdout.write(`${rpcFailure(idLexeme, maskPrinted(`${message}; ${remedy}`), codes[category])}\n`);
      if (owed.length > 0) return;
    }
  } catch {
    // The client is gone.
  } finally {
    clearTimeout(late);
  }
}

/** As such an error looks on the data path. */
const codes: Partial<Record<ErrorCategory, number>> = {
  auth: rpcCodes.denied,
  denied: rpcCodes.denied,
  journal: rpcCodes.denied,
  pending: rpcCodes.held,
};
