// Draws a stack of screens with Ink: a head line, the rows of the screen on top, a line of keys. The only file that knows Ink.
import { Box, render, Text, useInput, useWindowSize } from 'ink';
import { useEffect, useSyncExternalStore } from 'react';
import { escapeHostileLine } from '../base/hostile.ts';
import { cut, displayWidth } from './columns.ts';
import { readKeys } from './keys.ts';
import type { Hint, Row, Screen, ScreenStyle, Size } from './screen.ts';
import type { ScreenStack } from './stack.ts';

/** The terminal and what ends the showing. */
export interface ShowOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Shows the stack that `make` makes until its user leaves it. Needs a terminal at both streams. Rejects with what a screen throws. */
export async function showScreens(make: (ended: (error?: unknown) => void) => ScreenStack, { stdin, stdout, stderr, env, signal }: ShowOptions): Promise<void> {
  const { promise: over, resolve, reject } = Promise.withResolvers<void>();
  const stack = make((error) => (error === undefined ? resolve() : reject(error)));
  // NO_COLOR (no-color.org): set and not empty.
  const colours = !env.NO_COLOR;
  const ink = render(<App stack={stack} colours={colours} />, {
    stdin,
    stdout,
    stderr,
    alternateScreen: true,
    incrementalRendering: true,
    // Ink takes a terminal in a CI job for none.
    interactive: true,
    patchConsole: false,
  });
  const leave = () => resolve();
  signal.addEventListener('abort', leave);
  // Ctrl-C is Ink's: it unmounts.
  ink.waitUntilExit().then(leave, reject);
  try {
    if (!signal.aborted) await over;
  } finally {
    signal.removeEventListener('abort', leave);
    stack.stop();
    ink.unmount();
    await ink.waitUntilExit().catch(() => undefined);
  }
}

function App({ stack, colours }: { readonly stack: ScreenStack; readonly colours: boolean }) {
  const { columns, rows } = useWindowSize();
  useSyncExternalStore(
    (changed) => stack.subscribe(changed),
    () => stack.version,
  );
  useEffect(() => {
    stack.work();
    return () => stack.stop();
  }, [stack]);
  const size: Size = { width: columns, height: Math.max(1, rows - 3) };
  useInput((input, key) => stack.press(readKeys(input, key), size));
  const screen = stack.screens.at(-1);
  if (screen === undefined) return null;
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <Head screens={stack.screens} width={columns} />
      <Box flexDirection="column" flexGrow={1}>
        {screen
          .rows(size)
          .slice(0, size.height)
          .map((row, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place on the screen.
            <Line key={i} row={row} colours={colours} />
          ))}
      </Box>
      <Hints hints={screen.hints} width={columns} />
    </Box>
  );
}

function Head({ screens, width }: { readonly screens: readonly Screen[]; readonly width: number }) {
  const place = cut(` mcprec  ${screens.map(({ title }) => title).join(' › ')}`, width);
  return (
    <>
      <Text inverse bold>
        {place + ' '.repeat(Math.max(0, width - displayWidth(place)))}
      </Text>
      <Text> </Text>
    </>
  );
}

/** As many hints as there is room for, the last one always. */
function Hints({ hints, width }: { readonly hints: readonly Hint[]; readonly width: number }) {
  const shown = [...hints];
  const needed = () => shown.reduce((sum, [key, what]) => sum + displayWidth(key) + what.length + 4, 0);
  while (shown.length > 1 && needed() > width) shown.splice(-2, 1);
  return (
    <Text wrap="truncate">
      {shown.map(([key, what]) => (
        <Text key={key}>
          <Text bold> {key}</Text>
          <Text dimColor> {what} </Text>
        </Text>
      ))}
    </Text>
  );
}

const looks: Readonly<Record<ScreenStyle, { readonly color?: string; readonly bold?: boolean; readonly dimColor?: boolean; readonly inverse?: boolean }>> = {
  plain: {},
  key: { color: 'cyan' },
  string: { color: 'green' },
  number: { color: 'yellow' },
  literal: { color: 'magenta' },
  punctuation: { dimColor: true },
  mark: { color: 'magenta', bold: true },
  note: { dimColor: true },
  strong: { bold: true },
  good: { color: 'green' },
  warn: { color: 'yellow' },
  bad: { color: 'red', bold: true },
  busy: { color: 'cyan' },
  bar: { inverse: true },
};

// A line without text would take no line.
function Line({ row, colours }: { readonly row: Row; readonly colours: boolean }) {
  return (
    <Text wrap="truncate" inverse={row.selected === true}>
      {row.parts.every(({ text }) => text === '') ? ' ' : null}
      {row.parts.map(({ text, style }, i) => {
        const { color, ...rest } = looks[style];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place in the row.
          <Text key={i} {...rest} {...(colours && color !== undefined ? { color } : {})}>
            {escapeHostileLine(text)}
          </Text>
        );
      })}
    </Text>
  );
}
