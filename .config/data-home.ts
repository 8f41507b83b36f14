// Vitest leaves a token in the user's data folder; ours is in node_modules, so that the home directory stays as it is.
import { fileURLToPath } from 'node:url';

process.env.XDG_DATA_HOME = fileURLToPath(new URL('../node_modules/.cache', import.meta.url));
