// How well masking finds what it must and leaves what it may: recall, leaked characters and false positives, by type.
// Values are generated from a seed; a corpus of labelled sentences is read from MCPREC_PII_CORPUS where that is set.
import { existsSync, readFileSync } from 'node:fs';
import { detectorsDefault } from '../../src/base/detectors.ts';
import { compileMasker } from '../../src/mask/compile.ts';
import type { Masker } from '../../src/mask/masker.ts';
import { type Carried, carry } from './carriers.ts';
import { type Random, seeded } from './random.ts';
import { atLeast, atMost, type Measure, print } from './report.ts';
import { shapes } from './shapes.ts';
import { cleanAnswer, cleanLines } from './telemetry.ts';
import * as values from './values.ts';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const COUNT = quick ? 1000 : 4000;
const CLEAN_TEXTS = quick ? 60 : 300;
const masker = compileMasker({ detectors: detectorsDefault, fields: [] });
const show = args.includes('--misses');

interface Tally {
  n: number;
  found: number;
  /** Characters of values that can still be read, in runs of four and more. */
  leaked: number;
  characters: number;
}

const newTally = (): Tally => ({ n: 0, found: 0, leaked: 0, characters: 0 });

/** Counts one value: found where it can no longer be read, not even without its separators. */
function count(tally: Tally, value: string, carried: Carried, by: Masker): void {
  const { text } = carried;
  const masked = maskCarried(carried, by);
  const readable = undoEscapes(masked.replace(/\[[a-z]{2,9}(?::[a-z0-9]{1,24})?\]/g, ''));
  tally.n++;
  tally.characters += value.length;
  if (!readable.includes(value)) tally.found++;
  else if (show) console.error(`missed ${value} in ${text}`);
  // What the text says apart from the value is no leak.
  const rest = longestCommonRun(value, readable, undoEscapes(text).replace(value, ''));
  tally.leaked += rest;
  if (rest > 0 && show) console.error(`leaked ${rest} of ${value} in ${masked}`);
}

function maskCarried({ text, form }: Carried, by: Masker): string {
  return by.mask(text, { form, scope: form === 'json' ? 'mcp' : 'free', target: 'record' }).text;
}

function undoEscapes(text: string): string {
  return text
    .replace(/\\+u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\+n/g, '\n')
    .replace(/\\+(["/])/g, '$1');
}

// The length of the longest part of `value`, from its start or its end, that `text` holds and `apart` does not; 0 under 4.
function longestCommonRun(value: string, text: string, apart: string): number {
  for (let length = value.length; length >= 4; length--) {
    for (const part of [value.slice(0, length), value.slice(-length)]) if (text.includes(part) && !apart.includes(part)) return length;
  }
  return 0;
}

interface Series {
  readonly name: string;
  readonly target: number;
  readonly make: (r: Random) => string;
  readonly labels: readonly string[];
}

const series: readonly Series[] = [
  { name: 'card', target: 0.99, make: values.writtenCard, labels: ['', 'card', 'pan:', 'charged to'] },
  { name: 'email', target: 0.99, make: values.email, labels: ['', 'mailto:', 'user', 'contact'] },
  { name: 'iban', target: 0.99, make: values.iban, labels: ['', 'IBAN', 'account'] },
  { name: 'ssn', target: 0.99, make: values.ssn, labels: ['', 'ssn', 'SSN:'] },
  { name: 'ip', target: 0.99, make: values.ip, labels: ['', 'client', 'from', 'peer'] },
  { name: 'phone, international', target: 0.9, make: values.phoneInternational, labels: [''] },
  { name: 'phone, with a word', target: 0.9, make: values.phoneNational, labels: ['phone', 'call me at', 'Tel:', 'mobile number', 'fax'] },
];

function evaluateSeries(): Measure[] {
  return series.flatMap(({ name, target, make, labels }, i) => {
    const r = seeded(100 + i);
    const tally = newTally();
    for (let n = 0; n < COUNT; n++) {
      const value = make(r);
      count(tally, value, carry(r, value, labels), masker);
    }
    return report(name, tally, target);
  });
}

function report(name: string, tally: Tally, target: number): Measure[] {
  return [
    atLeast(`${name}: recall (n=${tally.n})`, tally.found / tally.n, '', target),
    atMost(`${name}: characters leaked`, tally.leaked / tally.characters, '', Number((1 - target).toFixed(4))),
  ];
}

function evaluateSecrets(): Measure[] {
  const r = seeded(500);
  const all = newTally();
  const each = Math.max(30, Math.ceil(COUNT / 20));
  const worst: string[] = [];
  const one = (name: string, make: () => { readonly text: string; readonly value: string }): void => {
    const tally = newTally();
    for (let n = 0; n < each; n++) {
      const { text, value } = make();
      count(tally, value, carry(r, text, ['']), masker);
      if (text !== value) continue;
      count(tally, value, { text: `found ${text} in the log`, form: 'text' }, masker);
    }
    all.n += tally.n;
    all.found += tally.found;
    all.leaked += tally.leaked;
    all.characters += tally.characters;
    if (tally.found < tally.n) worst.push(`${name} ${tally.found}/${tally.n}`);
  };
  for (const [name, make] of Object.entries(values.secretFormats)) {
    one(name, () => {
      const value = make(r);
      // Of a webhook's address only its token is secret.
      const webhook = /^https:\/\/[^/]+\/(?:services|api\/webhooks)\/(.+)$/.exec(value);
      return { text: value, value: webhook?.[1] ?? value };
    });
  }
  for (const [name, make] of Object.entries(values.secretPlaces)) one(name, () => make(r));
  if (worst.length > 0 && !args.includes('--json')) console.log(`secrets not always found: ${worst.join(', ')}`);
  return report('secrets', all, 0.97);
}

function evaluateClean(): Measure[] {
  const r = seeded(900);
  let bytes = 0;
  const kinds = new Map<string, number>();
  for (let n = 0; n < CLEAN_TEXTS; n++) {
    const json = n % 3 !== 2;
    const text = json ? cleanAnswer(r, 65_536) : cleanLines(r, 65_536);
    bytes += Buffer.byteLength(text);
    for (const mask of masker.mask(text, { form: json ? 'json' : 'text', scope: json ? 'mcp' : 'free', target: 'record' }).masks) {
      kinds.set(mask.kind, (kinds.get(mask.kind) ?? 0) + 1);
    }
  }
  const total = [...kinds.values()].reduce((sum, n) => sum + n, 0);
  if (total > 0 && !args.includes('--json')) console.log(`false positives: ${[...kinds].map(([kind, n]) => `${kind} ${n}`).join(', ')}`);
  return [atMost(`clean telemetry (${(bytes / 1e6).toFixed(1)} MB): false positives`, total / (bytes / 1e6), '1/MB', 5)];
}

const shapeTargets: Readonly<Record<string, number>> = { card: 0.99, email: 0.99, iban: 0.99, ssn: 0.99, ip: 0.99, phone: 0.9, secrets: 0.97 };

function evaluateShapes(): Measure[] {
  const r = seeded(700);
  const tallies = new Map<string, Tally>();
  for (let n = 0; n < (quick ? 5 : 25); n++) {
    for (const { carried, values: found } of shapes(r)) {
      const masked = undoEscapes(maskCarried(carried, masker));
      for (const { type, value } of found) {
        const tally = tallies.get(type) ?? newTally();
        tallies.set(type, tally);
        // Of what is long, its ends: nobody reads a key without them.
        const spelled = undoEscapes(value.replaceAll('\n', '\n'));
        const parts = spelled.length > 60 ? [spelled.slice(0, 30), spelled.slice(-30)] : [spelled];
        const leaked = parts.filter((part) => masked.includes(part));
        tally.n++;
        tally.characters += value.length;
        tally.leaked += leaked.join('').length;
        if (leaked.length === 0) tally.found++;
        else if (show) console.error(`missed ${value} in ${carried.text}`);
      }
    }
  }
  return [...tallies].flatMap(([type, tally]) => report(`shapes ${type}`, tally, shapeTargets[type] ?? 0.99));
}

const corpusTypes: Readonly<Record<string, readonly [name: string, target: number]>> = {
  CREDIT_CARD: ['card', 0.99],
  EMAIL_ADDRESS: ['email', 0.99],
  IBAN_CODE: ['iban', 0.99],
  US_SSN: ['ssn', 0.99],
  IP_ADDRESS: ['ip', 0.99],
  PHONE_NUMBER: ['phone', 0.9],
};

interface Sentence {
  readonly text: string;
  readonly spans: readonly { readonly type: string; readonly value: string }[];
}

function evaluateCorpus(): Measure[] {
  const path = process.env.MCPREC_PII_CORPUS;
  if (path === undefined || !existsSync(path)) {
    if (!args.includes('--json')) console.log('no corpus: MCPREC_PII_CORPUS names no file; only generated values are measured');
    return [];
  }
  const tallies = new Map<string, Tally>();
  for (const { text, spans } of JSON.parse(readFileSync(path, 'utf8')) as readonly Sentence[]) {
    for (const span of spans) {
      if (corpusTypes[span.type] === undefined) continue;
      const tally = tallies.get(span.type) ?? newTally();
      tallies.set(span.type, tally);
      count(tally, span.value, { text, form: 'text' }, masker);
    }
  }
  return [...tallies].flatMap(([type, tally]) => {
    const [name, target] = corpusTypes[type] ?? [type, 0.99];
    return report(`corpus ${name}`, tally, target);
  });
}

print([...evaluateSeries(), ...evaluateSecrets(), ...evaluateShapes(), ...evaluateClean(), ...evaluateCorpus()], args);
