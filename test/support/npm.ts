// npm on what is like a new machine: an empty HOME, no settings but how to reach a registry, and other versions of Node and of npm itself.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How this machine reaches a registry: proxies, certificates, npm's settings of that kind. Nothing else of the environment is passed on. */
function reach(): Record<string, string> {
  const names = /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|npm_config_(registry|globalconfig|cafile|cache))$/i;
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (names.test(name) && value !== undefined ? [[name, value]] : [])));
}

/** The environment of a person who has only this Node, with its folder first on the path. */
export function newMachine(home: string, node: string): Record<string, string> {
  return { ...reach(), HOME: home, PATH: `${dirname(node)}:/usr/local/bin:/usr/bin:/bin`, LANG: 'C.UTF-8' };
}

/** Installs a version of Node from npm into `folder`; returns its path. */
export function installNode(folder: string, version: string): string {
  const name = `node-${process.platform}-${process.arch}`;
  install(folder, `${name}@${version}`);
  return join(folder, 'node_modules', name, 'bin', 'node');
}

/** Installs a version of npm into `folder`; returns its script, to be run by any Node. */
export function installNpm(folder: string, version: string): string {
  install(folder, `npm@${version}`);
  return join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js');
}

function install(folder: string, what: string): void {
  execFileSync('npm', ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', what], {
    cwd: existsSync(folder) ? folder : undefined,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}
