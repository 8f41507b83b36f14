// One process at a time changes the logins or spends a refresh token. The lock is SQLite's: the kernel frees it when its
// holder dies, which a lock file with a pid in it cannot promise.
import { setTimeout as sleep } from 'node:timers/promises';
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { inHome, makeHome } from './files.ts';

/**
 * Runs `action` while no other process holds the lock of `home`; `signal` ends the wait for it. Throws `logins_locked`,
 * `home_unwritable`, `cancelled`, and what `action` throws.
 */
export async function withLoginLock<T>(home: string, action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const { default: Database } = await import('better-sqlite3');
  makeHome(home);
  const path = inHome(home, 'lock');
  const deadline = performance.now() + limits.loginLockMsMax;
  for (;;) {
    const lock = tryLock(() => new Database(path, { timeout: 0 }), path);
    if (lock !== undefined) {
      try {
        return await action();
      } finally {
        lock.close();
      }
    }
    if (signal?.aborted) throw new McprecError('cancelled', 'stopped waiting for another mcprec');
    if (performance.now() > deadline) throw new McprecError('logins_locked', `another mcprec holds ${path} for more than ${limits.loginLockMsMax / 1000} s`);
    await sleep(limits.loginLockRetryMs);
  }
}

interface Lock {
  exec(sql: string): unknown;
  close(): unknown;
}

function tryLock(open: () => Lock, path: string): Lock | undefined {
  let lock: Lock | undefined;
  try {
    lock = open();
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    const { code, message } = cause as { readonly code?: string; readonly message: string };
    if (code === 'SQLITE_BUSY') return undefined;
    throw new McprecError('home_unwritable', `cannot lock ${path}: ${message}`, { cause });
  }
}
