// The sandbox's intake: Datadog's endpoints for metrics, checks, events and logs, with their answers, errors and size limits. No sockets.
import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate, zstdDecompress } from 'node:zlib';
import { type IntakeItems, readers } from './intake-bodies.ts';

const RECORDS_MAX = 1_000;

export interface IntakeRequest {
  readonly verb: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface IntakeAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** One accepted request, decoded. */
export interface IntakeRecord extends IntakeItems {
  readonly atMs: number;
  readonly path: string;
  readonly encoding: string;
  readonly bytes: number;
  readonly inflatedBytes: number;
  readonly body: unknown;
}

export interface Intake {
  answer(request: IntakeRequest): Promise<IntakeAnswer>;
  received(): readonly IntakeRecord[];
  clear(): void;
}

interface Endpoint {
  readonly read: keyof typeof readers;
  readonly encodings: readonly string[];
  readonly bytesMax: number;
  readonly inflatedBytesMax: number;
  accepted(body: unknown, count: number): unknown;
}

const v1Encodings = ['identity', 'deflate', 'gzip'];
const v2Encodings = [...v1Encodings, 'zstd', 'zstd1'];
const okay = () => ({ status: 'ok' });
const noErrors = () => ({ errors: [] });

// Limits as Datadog's API reference gives them; where it is silent, those of v1 series.
const V1_BYTES = 3_200_000;
const V1_INFLATED_BYTES = 62_914_560;
const V2_SERIES_BYTES = 512_000;
const V2_SERIES_INFLATED_BYTES = 5_242_880;
const LOGS_BYTES = 5_000_000;
const v1 = { encodings: v1Encodings, bytesMax: V1_BYTES, inflatedBytesMax: V1_INFLATED_BYTES };

const endpoints: Readonly<Record<string, Endpoint>> = {
  '/api/v1/series': { ...v1, read: 'seriesV1', accepted: okay },
  '/api/v2/series': { read: 'seriesV2', encodings: v2Encodings, bytesMax: V2_SERIES_BYTES, inflatedBytesMax: V2_SERIES_INFLATED_BYTES, accepted: noErrors },
  '/api/v1/distribution_points': { ...v1, read: 'distributions', accepted: okay },
  '/api/v1/check_run': { ...v1, read: 'checks', accepted: okay },
  '/api/v1/events': { ...v1, read: 'eventV1', accepted: (body, count) => ({ status: 'ok', event: { id: 7_000_000 + count, ...(body as object) } }) },
  '/api/v2/events': {
    read: 'eventV2',
    encodings: v2Encodings,
    bytesMax: V1_BYTES,
    inflatedBytesMax: V1_INFLATED_BYTES,
    accepted: (_body, count) => ({ data: { type: 'event', attributes: { attributes: { evt: { id: String(7_000_000 + count), uid: `AZ${count}` } } } } }),
  },
  '/api/v2/logs': { read: 'logs', encodings: v2Encodings, bytesMax: LOGS_BYTES, inflatedBytesMax: LOGS_BYTES, accepted: () => ({}) },
};

/** An intake that accepts `apiKey` only. `now` gives milliseconds since the epoch. */
export function makeIntake(apiKey: string, now: () => number): Intake {
  const records: IntakeRecord[] = [];
  let count = 0;
  return {
    async answer(request) {
      const key = request.headers['dd-api-key'] ?? request.query.get('api_key');
      if (key !== apiKey) return fault(403, 'Forbidden');
      if (request.path === '/api/v1/validate') return request.verb === 'GET' ? { status: 200, body: { valid: true } } : fault(405, 'Method not allowed');
      const endpoint = Object.hasOwn(endpoints, request.path) ? endpoints[request.path] : undefined;
      if (!endpoint) return fault(404, 'Not found');
      if (request.verb !== 'POST') return fault(405, 'Method not allowed');
      const read = await decode(request, endpoint);
      if ('status' in read) return read;
      records.push({ atMs: now(), path: request.path, bytes: request.body.length, ...read });
      if (records.length > RECORDS_MAX) records.shift();
      return { status: 202, body: endpoint.accepted(read.body, ++count) };
    },
    received: () => records,
    clear: () => void records.splice(0),
  };
}

function fault(status: number, ...errors: string[]): IntakeAnswer {
  return { status, body: { errors } };
}

type Decoded = Omit<IntakeRecord, 'atMs' | 'path' | 'bytes'>;

async function decode(request: IntakeRequest, endpoint: Endpoint): Promise<Decoded | IntakeAnswer> {
  if (request.body.length > endpoint.bytesMax) return fault(413, 'Payload too big');
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (!endpoint.encodings.includes(encoding)) return fault(415, `Unsupported content encoding: ${encoding}`);
  const inflated = await inflateBody(request.body, encoding, endpoint.inflatedBytesMax);
  if (inflated === 'too big') return fault(413, 'Payload too big after decompression');
  if (inflated === 'broken') return fault(400, 'Payload could not be decompressed');
  const read = readers[endpoint.read](inflated.toString('utf8'), request.headers['content-type'] ?? '');
  if ('fault' in read) return fault(read.fault === 'Payload too big' ? 413 : 400, read.fault);
  return { encoding, inflatedBytes: inflated.length, ...read };
}

const inflaters = {
  deflate: promisify(inflate),
  gzip: promisify(gunzip),
  zstd: promisify(zstdDecompress),
};

async function inflateBody(body: Buffer, encoding: string, bytesMax: number): Promise<Buffer | 'too big' | 'broken'> {
  if (encoding === 'identity') return body.length > bytesMax ? 'too big' : body;
  const undo = inflaters[encoding === 'zstd1' ? 'zstd' : (encoding as keyof typeof inflaters)];
  try {
    return await undo(body, { maxOutputLength: bytesMax });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too big' : 'broken';
  }
}
