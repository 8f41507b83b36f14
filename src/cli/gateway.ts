// `mcprec gateway`: runs a gateway until it is told to stop.

import { once } from 'node:events';
import { McprecError } from '../base/errors.ts';
import { startGateway } from '../gateway/gateway.ts';
import { createKeys as makeKeys } from '../gateway/keys.ts';
import { isFirstStart } from '../gateway/secrets.ts';
import { type ParsedConfig, parseConfig, problemLine } from '../policy/parse.ts';
import { readConfigFile } from './config-file.ts';
import { stampOf, watchConfig } from './config-watch.ts';
import { type Io, note, say, sayJson } from './io.ts';
import { openLogger } from './logger.ts';
import { boundYoungGeneration } from './young-generation.ts';

export interface GatewayOptions {
  /** Path of gateway.yaml. */
  readonly config: string;
  /** Only makes the file of keys where it is missing. */
  readonly initKeys?: boolean;
  readonly json?: boolean;
}

/** Runs the gateway of a configuration until `io.signal` is aborted; returns the exit code. Throws `config_unreadable`, `config_invalid`, and what `startGateway` throws. */
export async function runGateway(options: GatewayOptions, io: Io): Promise<number> {
  boundYoungGeneration();
  const read = stampOf(options.config);
  const { config, warnings } = readConfig(options.config, io.env);
  for (const warning of warnings) note(io, problemLine(warning));
  if (options.initKeys) {
    if (config.keys.kind !== 'file') throw new McprecError('usage', 'keys names no file: --init-keys makes one only where it says file:');
    makeKeys(config.keys.path, io.random);
    say(io, `the gateway’s keys are in ${config.keys.path}; keep a copy in a safe place`);
    return 0;
  }
  const logger = openLogger(io, 'info');
  const createKeys = isFirstStart(config);
  const gateway = await startGateway(config, { clock: io.clock, random: io.random, env: io.env, logger, createKeys });
  if (createKeys && config.keys.kind === 'file') note(io, `made the gateway’s keys in ${config.keys.path}; keep a copy in a safe place`);
  for (const [name, { record }] of Object.entries(config.connections))
    if (record === 'off') note(io, `nothing is recorded on connection ${name} (record: off)`);
  if (options.json) sayJson(io, { event: 'listening', url: gateway.url, publicUrl: gateway.publicUrl });
  else say(io, `gateway listening on ${gateway.url}${gateway.publicUrl === gateway.url ? '' : `, known as ${gateway.publicUrl}`}`);
  const unwatch = watchConfig(options.config, io, read, () => void gateway.reload(() => readConfig(options.config, io.env).config));
  try {
    if (!io.signal.aborted) await once(io.signal, 'abort');
  } finally {
    unwatch();
    await gateway.close();
  }
  return 0;
}

function readConfig(file: string, env: Io['env']): ParsedConfig {
  return parseConfig(readConfigFile(file), { file, env });
}
