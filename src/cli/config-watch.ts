// Tells when a configuration is to be read again: its file changed, or somebody sent SIGHUP.
import { unwatchFile, watchFile } from 'node:fs';
import { limits } from '../base/limits.ts';
import type { Io } from './io.ts';

/** Calls `changed` until the returned function is called. By its state and not by events: those are lost on network and container file systems. */
export function watchConfig(file: string, io: Pick<Io, 'onHangup'>, changed: () => void): () => void {
  const seen = (now: { readonly mtimeMs: number; readonly size: number; readonly ino: number }, before: typeof now): void => {
    // Gone for a moment while it is replaced: the next look finds the new one.
    if (now.ino !== 0 && (now.mtimeMs !== before.mtimeMs || now.size !== before.size || now.ino !== before.ino)) changed();
  };
  watchFile(file, { interval: limits.configLookMs, persistent: false }, seen);
  const unhear = io.onHangup?.(changed);
  return () => {
    unwatchFile(file, seen);
    unhear?.();
  };
}
