// One bundle per entry; every library is bundled except the two that carry native code.
import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: { main: 'src/cli/main.ts' },
  outDir: 'dist',
  format: 'esm',
  platform: 'node',
  target: 'node22.19',
  clean: true,
  dts: false,
  minify: false,
  sourcemap: false,
  external: ['better-sqlite3', '@github/keytar'],
  noExternal: [/.*/],
});
