// Reads gateway.yaml. Every problem is reported, each with its line and column; nothing is guessed or silently defaulted.
import { McprecError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { buildConfig } from './build.ts';
import { conditionFindings } from './condition-findings.ts';
import type { GatewayConfig } from './config.ts';
import { groupFindings } from './group-findings.ts';
import { overriddenBy, withOverrides } from './overrides.ts';
import { defaultMessage, type Finding, findingsOf } from './phrase.ts';
import { YamlText } from './position.ts';
import { referenceFindings } from './references.ts';
import { fileSchema } from './schema.ts';
import { warningFindings } from './warnings.ts';

export interface ConfigSource {
  /** Path of the file, as it is to be named in messages. */
  readonly file: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What else stops a configuration that is right in itself: secrets that are not where it runs. */
  readonly look?: (config: GatewayConfig) => readonly Finding[];
}

export interface Problem {
  /** The file, or the environment variable that overrides the value. */
  readonly where: string;
  /** Counted from 1; 0 for an environment variable. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface CheckedConfig {
  /** Undefined where there are problems. */
  readonly config: GatewayConfig | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Reads and checks the text of a gateway.yaml. Never throws, but what `look` throws; without it, secret references are checked in form only. */
export function checkConfig(text: string, source: ConfigSource): CheckedConfig {
  const failed = (problems: readonly Problem[]): CheckedConfig => ({ config: undefined, problems, warnings: [] });
  const at = { where: source.file, line: 1, column: 1 };
  if (Buffer.byteLength(text) > limits.configBytesMax) return failed([{ ...at, message: `the file is larger than ${limits.configBytesMax} bytes` }]);
  const yaml = new YamlText(text);
  const faults = yaml.faults();
  if (faults.length > 0) return failed(faults.map((fault) => ({ where: source.file, ...fault })));
  const value = yaml.value();
  if (value === null || value === undefined) return failed([{ ...at, message: 'the file is empty' }]);

  const env = source.env ?? {};
  const raw = withOverrides(value, env);
  const parsed = fileSchema.safeParse(raw, { error: defaultMessage });
  const findings = [
    ...(parsed.success ? [] : findingsOf(parsed.error, raw)),
    ...referenceFindings(raw),
    ...groupFindings(raw),
    ...conditionFindings(raw).problems,
  ];
  const located = (finding: Finding) => locate(finding, yaml, source.file, env);
  if (findings.length > 0 || !parsed.success) return failed(findings.map(located).toSorted(byPlace));
  const config = buildConfig(parsed.data, source.file);
  const seen = source.look?.(config) ?? [];
  if (seen.length > 0) return failed(seen.map(located).toSorted(byPlace));
  return { config, problems: [], warnings: [...warningFindings(config), ...conditionFindings(raw).warnings].map(located).toSorted(byPlace) };
}

export interface ParsedConfig {
  readonly config: GatewayConfig;
  readonly warnings: readonly Problem[];
}

/** The configuration in `text`. Throws `config_invalid`, whose message names every problem as `file:line:column: …`, one a line. */
export function parseConfig(text: string, source: ConfigSource): ParsedConfig {
  const { config, problems, warnings } = checkConfig(text, source);
  if (config === undefined) throw new McprecError('config_invalid', problems.map(problemLine).join('\n'));
  return { config, warnings };
}

/** `gateway.yaml:12:5: what is wrong`, or `MCPREC_LISTEN: what is wrong`. */
export function problemLine(problem: Problem): string {
  return problem.line === 0 ? `${problem.where}: ${problem.message}` : `${problem.where}:${problem.line}:${problem.column}: ${problem.message}`;
}

function locate(finding: Finding, yaml: YamlText, file: string, env: NonNullable<ConfigSource['env']>): Problem {
  const variable = overriddenBy(finding.path, env);
  if (variable !== undefined) return { where: variable, line: 0, column: 0, message: finding.message };
  const place = finding.atKey
    ? yaml.placeOfKey(finding.path)
    : finding.offset === undefined
      ? yaml.placeOf(finding.path)
      : yaml.placeWithin(finding.path, finding.offset);
  return { where: file, ...place, message: finding.message };
}

function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column;
}
