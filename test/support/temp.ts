// Directories of one test: made under the system's temporary folder, removed when the test lets go of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempDir extends Disposable {
  readonly path: string;
}

/** An empty directory, mode 0700; `using dir = tempDir()` removes it and all that is in it. */
export function tempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), 'mcprec-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }) };
}
