// Tells when a configuration is to be read again: its file changed, or somebody sent SIGHUP.
import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { limits } from '../base/limits.ts';
import type { Io } from './io.ts';

/** What tells one state of a file from the next, its links followed; undefined where it is not there. */
export type Stamp = string | undefined;

/** Of the file as it is now. */
export function stampOf(file: string): Stamp {
  return textOf(statSync(file, { throwIfNoEntry: false }));
}

/**
 * Calls `changed` until the returned function is called. By the file's state and not by events: those are lost on network and container
 * file systems. `read`: its stamp from before it was read, so that a change since then is seen.
 */
export function watchConfig(file: string, io: Pick<Io, 'onHangup'>, read: Stamp, changed: () => void): () => void {
  let seen = read;
  const look = async (): Promise<void> => {
    // Gone for a moment while it is replaced: the next look finds the new one.
    const now = textOf(await stat(file).catch(() => undefined));
    if (now === undefined || now === seen) return;
    seen = now;
    changed();
  };
  const timer = setInterval(() => void look(), limits.configLookMs).unref();
  const unhear = io.onHangup?.(changed);
  return () => {
    clearInterval(timer);
    unhear?.();
  };
}

function textOf(stats: { readonly mtimeMs: number; readonly ctimeMs: number; readonly size: number; readonly ino: number } | undefined): Stamp {
  return stats && [stats.mtimeMs, stats.ctimeMs, stats.size, stats.ino].join(' ');
}
