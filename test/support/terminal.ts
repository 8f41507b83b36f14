// A real terminal for tests: tmux on a server of its own, typed into and read like a person would.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** False where tmux is missing; tests that need it are skipped there, and say so. */
export const hasTmux = spawnSync('tmux', ['-V']).status === 0;

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  /** All of the environment but PATH, HOME and TERM. */
  readonly env?: Readonly<Record<string, string>>;
}

const WAIT_MS_MAX = 15_000;
const LOOK_EVERY_MS = 40;

export class Terminal implements Disposable {
  readonly #server = `mcprec-test-${randomBytes(6).toString('hex')}`;

  /** Starts a command; the screen stays when it has ended, with `ended N` as its last line. */
  constructor(command: readonly string[], { columns, rows, env = {} }: TerminalOptions) {
    const { PATH = '', HOME = '' } = process.env;
    const settings = Object.entries({ PATH, HOME, LANG: 'C.UTF-8', ...env }).map(([name, value]) => `${name}=${value}`);
    const line = ['env', '-i', 'TERM=tmux-256color', ...settings, ...command].map(quote).join(' ');
    this.#tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), `${line}; echo "ended $?"; sleep 60`);
  }

  /** What is on the screen, line by line, without blanks at the ends. With `colours`, escape sequences stand in it. */
  lines(look: 'text' | 'colours' = 'text'): string[] {
    return this.#tmux('capture-pane', '-p', ...(look === 'colours' ? ['-e'] : []))
      .split('\n')
      .map((line) => line.trimEnd());
  }

  /** Types keys, by the names that tmux has for them: `Enter`, `Escape`, `Down`, `C-c`, or characters. */
  type(...keys: readonly string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** The process ids of what runs in the terminal. Linux only. */
  pids(): number[] {
    const [shell = ''] = this.#tmux('list-panes', '-F', '#{pane_pid}').split('\n');
    return readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim().split(' ').map(Number);
  }

  /** Waits until the screen holds `text`; returns the screen. Fails with the screen where it never does. */
  async shows(text: string | RegExp): Promise<string> {
    const late = AbortSignal.timeout(WAIT_MS_MAX);
    for (;;) {
      const screen = this.lines().join('\n');
      if (typeof text === 'string' ? screen.includes(text) : text.test(screen)) return screen;
      if (late.aborted) throw new Error(`the terminal never showed ${text}, but:\n${screen}`);
      await pause(LOOK_EVERY_MS);
    }
  }

  [Symbol.dispose](): void {
    spawnSync('tmux', ['-L', this.#server, 'kill-server']);
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync('tmux', ['-L', this.#server, '-f', '/dev/null', ...args], { encoding: 'utf8' });
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
