// Rules of the data path for tests: the real policy and masker, a clock that stands still, ids that count.
import { createSecretKey } from 'node:crypto';
import type { Clock } from '../../src/base/clock.ts';
import { type IdSource, newId } from '../../src/base/ids.ts';
import type { EntryDraft, Names } from '../../src/evidence/entry.ts';
import type { ClientRequest } from '../../src/path/request.ts';
import { type PathRules, rulesOf } from '../../src/path/rules.ts';
import { conditionLanguage } from '../../src/policy/condition.ts';
import type { Projection } from '../../src/policy/projection.ts';
import { soloProjection } from '../../src/policy/solo.ts';

export const WALL_MS = Date.UTC(2026, 10, 22, 10);
const clock: Clock = { wallMs: () => WALL_MS, monoUs: () => 1_000_000 };

/** Ids that differ and are the same in every run. */
export function countingIds(): IdSource {
  let count = 0;
  return {
    clock,
    random: (length) => {
      const bytes = new Uint8Array(length);
      new DataView(bytes.buffer).setUint32(length - 4, ++count);
      return bytes;
    },
  };
}

export interface RulesOptions {
  readonly connection?: Partial<Projection['connection']>;
  readonly access?: Projection['access'];
  readonly rules?: Projection['rules'];
  readonly mask?: Partial<Projection['mask']>;
}

/** Rules of a solo session, but for what the options say. Answers are masked for the client where `mask.apply` names it. */
export function makeRules(options: RulesOptions = {}, ids: IdSource = countingIds()): PathRules {
  const open = soloProjection('test', options.connection?.kind ?? 'mcp');
  const projection: Projection = {
    ...open,
    connection: { ...open.connection, ...options.connection },
    access: options.access ?? open.access,
    rules: options.rules ?? open.rules,
    mask: { ...open.mask, ...options.mask },
  };
  return rulesOf(projection, { reconcileKey: createSecretKey(Buffer.alloc(32, 7)), ids, masksForClient: true, caller: someone, conditions: conditionLanguage });
}

const someone = {
  identity: { issuer: 'https://login.example.com', subject: 'alice', email: 'alice@example.com', groups: [] },
  session: { id: 'ses_test', openedMs: WALL_MS },
};

/** A request of a client, as the shell hands it to the steps. */
export function makeRequest(
  rules: PathRules,
  verb: string,
  body: string | undefined,
  headers: readonly string[] = ['Content-Type', 'application/json'],
): ClientRequest {
  const bytes = Buffer.from(body ?? '');
  const facts = { exchange: newId('exc', rules.ids), at: { wallMs: WALL_MS, monoUs: 1 }, wire: bytes, wireBytes: bytes.length };
  return { facts, verb, target: '/mcp', headers, body: bytes };
}

/** The payload of an entry as text. */
export function payloadOf(entry: EntryDraft | undefined): string | undefined {
  return entry?.payload === undefined ? undefined : Buffer.from(entry.payload).toString('utf8');
}

export function namesOf(entry: EntryDraft | undefined): Names {
  return entry?.names ?? {};
}

/** Everything that an entry would put on disk, as one text to search in. */
export function storedText(entry: EntryDraft): string {
  return JSON.stringify({ ...entry, payload: payloadOf(entry) });
}
