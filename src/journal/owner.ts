// Who writes a log: a process, told apart from a later one with the same number by when it started.
import { readFileSync, readlinkSync } from 'node:fs';
import { platform } from 'node:process';
import { limits } from '../base/limits.ts';

export interface Owner {
  readonly pid: number;
  /** On Linux boot, pid namespace and start in clock ticks, joined by `/`; elsewhere empty. */
  readonly start: string;
}

/** This process. */
export function thisOwner(): Owner {
  return { pid: process.pid, start: platform === 'linux' ? linuxStart('self') : '' };
}

/**
 * True where the owner does not run any more. Of a process in another pid namespace (a container) nothing can be known; it counts as
 * dead when its last sign, at `lastWallMs`, is older than `limits.foreignOwnerMsMax`.
 */
export function isDead(owner: Owner, lastWallMs: number, nowMs: number): boolean {
  if (platform !== 'linux' || owner.start === '') return !signalReaches(owner.pid);
  const [boot, namespace, ticks] = owner.start.split('/');
  if (boot !== bootId()) return true;
  if (namespace !== pidNamespace()) return nowMs - lastWallMs > limits.foreignOwnerMsMax;
  const found = readStat(String(owner.pid));
  return found === undefined || found.ticks !== ticks || found.state === 'Z' || found.state === 'X';
}

function linuxStart(pid: string): string {
  return `${bootId()}/${pidNamespace()}/${readStat(pid)?.ticks ?? ''}`;
}

function bootId(): string {
  return readOr('', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

function pidNamespace(): string {
  return readOr('', () => readlinkSync('/proc/self/ns/pid'));
}

/** State and start time of `/proc/PID/stat`, fields 3 and 22 of proc_pid_stat(5); the name in field 2 may hold spaces and brackets. */
function readStat(pid: string): { readonly state: string; readonly ticks: string } | undefined {
  const stat = readOr(undefined, () => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields?.[0];
  const ticks = fields?.[19];
  return state === undefined || ticks === undefined ? undefined : { state, ticks };
}

function readOr<T>(missing: T, read: () => T): T {
  try {
    return read();
  } catch {
    return missing;
  }
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
