// Memory of a process, and a process on a real terminal, with nothing but what every Linux or macOS has.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestProcess } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

/** Resident memory in MB (10⁶ bytes). */
export function residentMb(pid: number | undefined): number {
  if (pid === undefined) throw new Error('the process did not start');
  const status = `/proc/${pid}/status`;
  const kib = existsSync(status)
    ? /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8'))?.[1]
    : execFileSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' });
  const mb = (Number(kib) * 1024) / 1e6;
  if (!(mb > 0)) throw new Error(`the memory of process ${pid} cannot be read`);
  return mb;
}

export interface OnTerminal extends AsyncDisposable {
  readonly pid: number;
}

/** Starts `node ARG…` on a terminal of script(1), 100 by 30; resolves when its status line is drawn. */
export async function startOnTerminal(args: readonly string[], env: Readonly<Record<string, string>>): Promise<OnTerminal> {
  const dir = tempDir();
  const pidFile = join(dir.path, 'pid');
  const command = [process.execPath, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const line = `stty cols 100 rows 30; echo $$ > '${pidFile}'; exec ${command}`;
  const flags = process.platform === 'darwin' ? ['-q', '/dev/null', 'sh', '-c', line] : ['-q', '-e', '-c', line, '/dev/null'];
  const terminal = new TestProcess('script', flags, { env: { TERM: 'xterm-256color', SHELL: '/bin/sh', ...env } });
  const close = async (): Promise<void> => {
    // Ctrl-C, as a person ends it.
    terminal.child.stdin?.write('\u0003');
    await terminal.end().catch(() => undefined);
    await terminal[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  };
  try {
    await terminal.line((text) => text.includes('session    ses_'));
    return { pid: Number(readFileSync(pidFile, 'utf8')), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
