// Every RegExp of src/mask is proven linear: those that stand in its source, and those that it builds. A new one cannot be forgotten.
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { checkSync } from 'recheck';
import { expect, it, vi } from 'vitest';

interface Found {
  readonly source: string;
  readonly flags: string;
  readonly where: string;
}

// A slash begins a pattern where an expression may begin.
const BEFORE_PATTERN = /(?:^|[=(,:[!&|?{};+]|=>|\breturn|\bcase)\s*$/;
const PATTERN = /\/((?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([a-z]*)/y;
const OTHER = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/y;

function literalsIn(file: string): Found[] {
  const code = stripTypeScriptTypes(readFileSync(file, 'utf8'));
  const found: Found[] = [];
  for (let at = 0; at < code.length; at++) {
    OTHER.lastIndex = at;
    if (OTHER.test(code)) {
      at = OTHER.lastIndex - 1;
      continue;
    }
    PATTERN.lastIndex = at;
    const [whole, source, flags] = (code[at] === '/' && BEFORE_PATTERN.test(code.slice(Math.max(0, at - 40), at)) && PATTERN.exec(code)) || [];
    if (whole === undefined || source === undefined) continue;
    found.push({ source, flags: flags ?? '', where: file });
    at += whole.length - 1;
  }
  return found;
}

/** Patterns that are put together when the room is loaded or a masker compiled. */
async function builtBy(load: () => Promise<unknown>): Promise<Found[]> {
  const built: Found[] = [];
  const original = globalThis.RegExp;
  globalThis.RegExp = new Proxy(original, {
    construct(target, [pattern, flags]: [string | RegExp, string?]) {
      const made = new target(pattern, flags);
      built.push({ source: made.source, flags: made.flags, where: 'built' });
      return made;
    },
  });
  try {
    await load();
  } finally {
    globalThis.RegExp = original;
  }
  return built;
}

const files = readdirSync('src/mask').map((name) => `src/mask/${name}`);
const literals = files.flatMap(literalsIn);

it('finds the patterns', () => {
  const named = readFileSync('src/mask/pem.ts', 'utf8').match(/= \/.*\/y;/g) ?? [];
  expect(literals.filter(({ where }) => where === 'src/mask/pem.ts')).toHaveLength(named.length);
  expect(literals.length).toBeGreaterThan(80);
  for (const { source, flags } of literals) expect(() => new RegExp(source, flags)).not.toThrow();
});

it('each is linear', async () => {
  vi.resetModules();
  const built = await builtBy(async () => {
    const { compileMasker } = await import('../../src/mask/compile.ts');
    const { detectorNames } = await import('../../src/base/detectors.ts');
    compileMasker({ detectors: detectorNames, fields: [{ path: '$..a.b' }, { path: 'c' }] }).mask('{"a":{"b":"x"}} GB82WEST12345698765432', {
      form: 'text',
      scope: 'free',
      target: 'record',
    });
  });
  expect(built.length).toBeGreaterThan(4);
  const distinct = new Map([...literals, ...built].map((one) => [`/${one.source}/${one.flags}`, one]));
  const guilty = [...distinct].flatMap(([text, { source, flags, where }]) => {
    // The checker does not know the flag that asks for offsets.
    const { status } = checkSync(source, flags.replace('d', ''), { timeout: 60_000 });
    return status === 'safe' ? [] : [`${where}: ${text.slice(0, 120)} (${status})`];
  });
  expect(guilty).toEqual([]);
});
