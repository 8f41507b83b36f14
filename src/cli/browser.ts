// Opens a page in the person's browser, if they want it. Starts no shell and waits for nothing.
import { spawn } from 'node:child_process';
import type { Io } from './io.ts';

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  linux: ['xdg-open'],
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** True where a person sits at a screen on which a browser can open. */
export function hasBrowser(io: Io): boolean {
  if (!io.stdin.isTTY || !io.stderr.isTTY || openers[process.platform] === undefined) return false;
  return process.platform !== 'linux' || Boolean(io.env.DISPLAY || io.env.WAYLAND_DISPLAY);
}

/** Opens `url` when Enter is pressed; the disposer stops listening. `url` is to be checked before: http or https. */
export function openOnEnter(url: string, io: Io): Disposable {
  const open = (): void => openBrowser(url, io);
  io.stdin.once('data', open);
  // A question asked before may have left it paused.
  io.stdin.resume();
  return {
    [Symbol.dispose]() {
      io.stdin.removeListener('data', open);
      // A terminal that is listened to keeps the process alive.
      io.stdin.pause();
    },
  };
}

function openBrowser(url: string, io: Io): void {
  const [command = '', ...before] = openers[process.platform] ?? [];
  const child = spawn(command, [...before, new URL(url).href], { detached: true, stdio: 'ignore', env: io.env });
  child.once('error', () => io.stderr.write(`mcprec: cannot start ${command}; open the page yourself\n`));
  child.unref();
}
