// A corpus of our own: logs, SQL, messages of MCP, configuration, HTTP, traces and chat, read from shapes.txt and filled with values from a seed.
import { readFileSync } from 'node:fs';
import type { Carried } from './carriers.ts';
import { ALNUM, DIGITS, HEX, LOWER, type Random, UPPER } from './random.ts';
import * as values from './values.ts';

/** A text with the values in it that must be masked, by their kind. */
export interface Shaped {
  readonly carried: Carried;
  readonly values: readonly { readonly type: string; readonly value: string }[];
}

const sets: Readonly<Record<string, string>> = {
  hex: HEX,
  HEX: HEX.toUpperCase(),
  alnum: ALNUM,
  b64: `${ALNUM}+/`,
  url: `${ALNUM}-_`,
  b64url: `${ALNUM}-_`,
  digits: DIGITS,
  upper: UPPER,
  up32: `${UPPER}234567`,
  upnum: UPPER + DIGITS,
  lower36: LOWER + DIGITS,
  lower32: `${LOWER}234567`,
  alpha: LOWER + UPPER,
};

/** Digits and signs moved to another row of Unicode. */
const shifted = (text: string, pattern: RegExp, by: number): string => text.replace(pattern, (c) => String.fromCharCode(c.charCodeAt(0) + by));
const WIDE = 0xfee0;

function first(make: () => string, fits: (value: string) => boolean): string {
  for (;;) {
    const value = make();
    if (fits(value)) return value;
  }
}

function grouped(digits: string, separator: string): string {
  const parts = digits.length === 16 ? /(.{4})(.{4})(.{4})(.{4})/ : /(.{4})(.{6})(.+)/;
  return (parts.exec(digits)?.slice(1) ?? [digits]).join(separator);
}

type Maker = (r: Random) => string;

const email: Maker = (r) =>
  first(
    () => values.email(r),
    (value) => /^[\x21-\x7e]+$/.test(value) && !/[+']/.test(value),
  );
const ip4: Maker = (r) =>
  first(
    () => values.ip(r),
    (value) => !value.includes(':'),
  );
const iban: Maker = (r) =>
  first(
    () => values.iban(r),
    (value) => /^[A-Z0-9]+$/.test(value),
  );
const plain: Maker = (r) => r.pick([() => `${r.pick(['Summer', 'Winter', 'Dragon'])}${r.between(1000, 9999)}!`, () => r.text(ALNUM, 16)])();
const phone: Maker = (r) =>
  r.pick([
    () => `+1${r.between(2, 9)}${r.between(2, 8)}${r.between(2, 9)}${r.between(2, 9)}${r.text('23456789', 2)}${r.text(DIGITS, 4)}`,
    () => `+447${r.text(DIGITS, 9)}`,
  ])();

const makers: Readonly<Record<string, Maker>> = {
  email,
  emailq: (r) => email(r).replace('@', '%40'),
  emailu: (r) => email(r).replace('@', '\\u0040').replace('.', '\\u002e'),
  emailfw: (r) => email(r).replace('@', '\uff20'),
  ip4,
  ip4u: (r) => ip4(r).replaceAll('.', '\\u002e'),
  ip6: (r) =>
    first(
      () => values.ip(r),
      (value) => value.includes(':') && !value.includes('.'),
    ),
  phoneI: values.phoneInternational,
  phoneN: values.phoneNational,
  phoneE: phone,
  phoneD: (r) => phone(r).slice(1),
  phonefw: (r) => shifted(phone(r), /\d/g, WIDE),
  digits10: (r) => `${r.between(2, 9)}${r.text(DIGITS, 9)}`,
  area: (r) => `${r.between(2, 9)}${r.between(2, 9)}${r.between(2, 8)}`,
  ssn: values.ssn,
  ssn9: (r) => values.ssn(r).replaceAll('-', ''),
  ssnsp: (r) => values.ssn(r).replaceAll('-', ' '),
  ssn2013: (r) => values.ssn(r).replaceAll('-', '\u2013'),
  ssnfw: (r) => shifted(values.ssn(r), /\d/g, WIDE),
  card: values.card,
  card4: (r) => grouped(values.card(r), r.pick([' ', '-'])),
  card2010: (r) => grouped(values.card(r), '\\u2010'),
  card2011: (r) => grouped(values.card(r), '\u2011'),
  cardfw: (r) => shifted(grouped(values.card(r), ' '), /\d/g, WIDE),
  cardar: (r) => shifted(grouped(values.card(r), ' '), /\d/g, 0x660 - 0x30),
  cardzw: (r) => grouped(values.card(r), '\u200b'),
  carddots: (r) => grouped(values.card(r), '.'),
  cardsp2: (r) => grouped(values.card(r), '  '),
  iban,
  ibanSp: (r) => iban(r).replace(/(.{4})(?!$)/g, '$1 '),
  ibanlow: (r) => iban(r).toLowerCase(),
  pw: plain,
  pwa: plain,
  uuid: (r) => `${r.text(HEX, 8)}-${r.text(HEX, 4)}-4${r.text(HEX, 3)}-a${r.text(HEX, 3)}-${r.text(HEX, 12)}`,
  jwt: (r) => values.secretFormats.jwt?.(r) ?? '',
  basic: (r) => Buffer.from(`ann:${plain(r)}`).toString('base64'),
  pembody: (r) => Array.from({ length: 4 }, () => r.text(`${ALNUM}+/`, 64)).join('\n'),
  pembody1: (r) => r.text(`${ALNUM}+/`, 64),
};

function fill(template: string, r: Random): string {
  return template.replace(/\{([a-zA-Z0-9]+)(?::(\d+))?\}/g, (whole: string, name: string, count: string | undefined) => {
    const set = sets[name];
    if (count !== undefined) return set === undefined ? whole : r.text(set, Number(count));
    return makers[name]?.(r) ?? whole;
  });
}

function typeOf(template: string): string {
  const name = /^\{(email|ip|card|iban|ssn|phone|digits10|area)/.exec(template)?.[1];
  return name === undefined ? 'secrets' : name === 'digits10' || name === 'area' ? 'phone' : name;
}

const templates = readFileSync(new URL('shapes.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.includes('«'));

/** Every shape once, filled anew: as it is, and in an answer of MCP. */
export function shapes(r: Random): readonly Shaped[] {
  return templates.flatMap((template) => {
    const isJson = template.startsWith('{"');
    const types = [...template.matchAll(/«([^»]*)»/g)].map((found) => typeOf(found[1] ?? ''));
    const filled = fill(template, r);
    const body = isJson ? filled : filled.replaceAll('\\n', '\n').replaceAll('\\t', '\t');
    const found = [...body.matchAll(/«([^»]*)»/gs)].map((one, i) => ({ type: types[i] ?? 'secrets', value: one[1] ?? '' }));
    const text = body.replace(/[«»]/g, '');
    if (isJson) return [{ carried: { text, form: 'json' }, values: found }];
    const answer = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text }] } });
    return [
      { carried: { text, form: 'text' }, values: found },
      { carried: { text: answer, form: 'json' }, values: found },
    ] satisfies Shaped[];
  });
}
