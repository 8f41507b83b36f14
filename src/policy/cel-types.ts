// The types of the condition language, and what a condition may speak of: `call`, `args`, `identity`, `session`,
// `connection`, `now`.

/** A type of CEL. `name` is what the evaluator calls it, so that its own table of functions can be asked. */
export interface CelKind {
  readonly name: string;
  /** Of a list. */
  readonly element?: CelKind;
  /** Of a map whose members are known: those that it has, every time. */
  readonly fields?: Readonly<Record<string, CelKind>>;
}

const scalar = (name: string): CelKind => ({ name });

export const celKinds = {
  bool: scalar('bool'),
  int: scalar('int'),
  uint: scalar('uint'),
  double: scalar('double'),
  string: scalar('string'),
  bytes: scalar('bytes'),
  null: scalar('null_type'),
  dyn: scalar('dyn'),
  type: scalar('type'),
  timestamp: scalar('google.protobuf.Timestamp'),
  duration: scalar('google.protobuf.Duration'),
  map: scalar('map'),
} as const satisfies Readonly<Record<string, CelKind>>;

export function listOf(element: CelKind): CelKind {
  return { name: 'list', element };
}

function mapOf(fields: Readonly<Record<string, CelKind>>): CelKind {
  return { name: 'map', fields };
}

const { string, bool, timestamp, dyn } = celKinds;

/** Every variable of a condition. Members that a call does not have are empty, never missing; only `args` can lack something. */
export const celVariables: Readonly<Record<string, CelKind>> = {
  call: mapOf({
    method: string,
    tool: string,
    uri: string,
    prompt: string,
    path: string,
    one_way: bool,
    metrics: listOf(string),
    checks: listOf(string),
    events: listOf(string),
  }),
  args: dyn,
  identity: mapOf({ issuer: string, subject: string, email: string, groups: listOf(string) }),
  session: mapOf({ id: string, reason: string, device: string, opened: timestamp }),
  connection: mapOf({ name: string, kind: string }),
  now: timestamp,
};
