// One bundle per entry; every library is bundled except the two that carry native code.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'tsdown';

const root = fileURLToPath(new URL('..', import.meta.url));

export default defineConfig({
  cwd: root,
  entry: { main: 'src/cli/main.ts', 'payload-worker': 'src/transport/payload-worker.ts' },
  outDir: 'dist',
  format: 'esm',
  platform: 'node',
  target: 'node22.19',
  clean: true,
  dts: false,
  report: false,
  failOnWarn: true,
  // depd (under oidc-provider, so only in `mcprec dev`) makes its wrappers with eval, from a constant text.
  suppressWarnings: (message) => message.includes('[EVAL]') && /node_modules\/depd\/index\.js/.test(message),
  // React chooses its development build otherwise, which is larger and slower; Ink asks for its devtools only where DEV=true.
  define: { 'process.env.NODE_ENV': '"production"' },
  deps: { onlyBundle: false, neverBundle: ['better-sqlite3', '@github/keytar', 'react-devtools-core'], alwaysBundle: [/.*/] },
});
