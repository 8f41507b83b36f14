import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type IntakeBody, type IntakeEndpoint, type IntakeFault, intakeEndpoint, intakeEndpoints, readIntake } from '../../src/protocol/intake.ts';

function endpoint(method: string): IntakeEndpoint {
  const [verb = '', path = ''] = method.split(' ');
  const found = intakeEndpoint(verb, path);
  if ('kind' in found) throw new Error(found.reason);
  return found;
}

function read(method: string, body: unknown, contentType?: string): IntakeBody | IntakeFault {
  return readIntake(endpoint(method), typeof body === 'string' ? body : JSON.stringify(body), contentType);
}

function names(of: IntakeBody | IntakeFault): Record<string, Record<string, number>> | string {
  if (of.kind === 'fault') return of.reason;
  const { metrics, checks, events } = of;
  return Object.fromEntries(Object.entries({ metrics, checks, events }).flatMap(([what, map]) => (map ? [[what, Object.fromEntries(map)]] : [])));
}

describe('endpoints', () => {
  test('logs have an upstream of their own, the rest shares one', () => {
    expect(intakeEndpoints.filter((e) => e.upstream === 'logs').map((e) => `${e.verb} ${e.path}`)).toEqual(['POST /api/v2/logs']);
    expect(intakeEndpoint('GET', '/api/v1/validate')).toEqual({ verb: 'GET', path: '/api/v1/validate', upstream: 'main' });
  });

  test.each([
    ['GET', '/api/v1/series', 405, '/api/v1/series takes POST only'],
    ['POST', '/api/v1/query', 404, '/api/v1/query is not an endpoint of the intake'],
    ['POST', '/api/v1/series/', 404, '/api/v1/series/ is not an endpoint of the intake'],
    ['POST', '/API/v1/series', 404, '/API/v1/series is not an endpoint of the intake'],
  ])('%s %s is none', (verb, path, status, reason) => {
    expect(intakeEndpoint(verb, path)).toEqual({ kind: 'fault', status, reason });
  });
});

describe('tags of a log line', () => {
  test.each([
    ['{"ddtags":"team:a, env:b"}', ['team:a', 'env:b']],
    ['{"ddtags":"team:a","ddtags":"team:b"}', ['']],
    ['{"ddtags":"team:a","DDTags":"team:b"}', ['']],
    ['{"DDTags":"team:a"}', ['']],
  ])('%s', (line, tags) => {
    const body = read('POST /api/v2/logs', `[${line}]`);
    expect(body.kind === 'intake' && body.tagSets?.()).toEqual([tags]);
  });
});

describe('bodies', () => {
  test.each<[string, string, unknown, unknown]>([
    [
      'v1 series, points counted',
      'POST /api/v1/series',
      {
        series: [
          {
            metric: 'a',
            points: [
              [1, 2],
              ['3', '4'],
            ],
          },
          { metric: 'b', points: [] },
        ],
      },
      { metrics: { a: 2, b: 0 } },
    ],
    [
      'v2 series, a name that stands twice counted together',
      'POST /api/v2/series',
      {
        series: [
          { metric: 'a', type: 3, points: [{ timestamp: 1, value: 2 }] },
          { metric: 'a', points: [{ timestamp: 2, value: 2 }, {}] },
        ],
      },
      { metrics: { a: 3 } },
    ],
    ['distributions', 'POST /api/v1/distribution_points', { series: [{ metric: 'd', points: [[1, [1, 2, 3]]] }] }, { metrics: { d: 1 } }],
    ['no series', 'POST /api/v2/series', { series: [] }, { metrics: {} }],
    [
      'check runs',
      'POST /api/v1/check_run',
      [
        { check: 'up', host_name: 'h', status: 0 },
        { check: 'up', host_name: 'i', status: 1 },
      ],
      { checks: { up: 2 } },
    ],
    ['a single check run', 'POST /api/v1/check_run', { check: 'up', status: 0 }, { checks: { up: 1 } }],
    ['a v1 event', 'POST /api/v1/events', { title: 'Deployed', text: 'x' }, { events: { Deployed: 1 } }],
    ['a v2 event', 'POST /api/v2/events', { data: { type: 'event', attributes: { title: 'Deployed', category: 'change' } } }, { events: { Deployed: 1 } }],
    ['logs', 'POST /api/v2/logs', [{ message: 'x', ddsource: 'y' }], {}],
    ['no body to validate a key', 'GET /api/v1/validate', '', {}],
  ])('%s', (_, method, body, expected) => {
    expect(names(read(method, body))).toEqual(expected);
  });

  test('names that are no ordinary key are names all the same', () => {
    expect(read('POST /api/v2/series', '{"series":[{"metric":"__proto__","points":[]},{"metric":"\\u0061","points":[1]}]}')).toMatchObject({
      metrics: new Map([
        ['__proto__', 0],
        ['a', 1],
      ]),
    });
  });

  test('a log that is not JSON passes as text, and only a log', () => {
    expect(read('POST /api/v2/logs', 'plain line', 'text/plain; charset=utf-8')).toEqual({ kind: 'intake', form: 'text' });
    expect(read('POST /api/v2/logs', 'plain line', 'application/json')).toMatchObject({ kind: 'fault', status: 400 });
    expect(read('POST /api/v1/series', 'plain line', 'text/plain')).toMatchObject({ kind: 'fault' });
  });

  test.each<[string, string, string, string]>([
    ['not JSON', 'POST /api/v2/series', '{"series":', 'the body is not JSON: the text ends where a value is expected at offset 10'],
    ['no object', 'POST /api/v2/series', '[]', 'the body must be an object'],
    ['no series', 'POST /api/v2/series', '{"serie":[]}', 'the body: series must be a list'],
    ['series in another case', 'POST /api/v2/series', '{"Series":[]}', 'the body: series must be a list'],
    ['series twice', 'POST /api/v2/series', '{"series":[],"series":[]}', 'the key "series" of the body stands twice, or twice but for its case'],
    ['no name', 'POST /api/v2/series', '{"series":[{"metric":"a","points":[]},{"points":[]}]}', 'series[1]: metric must be a text that is not empty'],
    ['a number for a name', 'POST /api/v2/series', '{"series":[{"metric":1,"points":[]}]}', 'series[0]: metric must be a text that is not empty'],
    [
      'two names',
      'POST /api/v2/series',
      '{"series":[{"metric":"allowed","points":[],"Metric":"denied"}]}',
      'the key "Metric" of series[0] stands twice, or twice but for its case',
    ],
    [
      'two names, one escaped',
      'POST /api/v2/series',
      '{"series":[{"metric":"allowed","points":[],"m\\u0065tric":"denied"}]}',
      'the key "metric" of series[0] stands twice, or twice but for its case',
    ],
    ['a series that is none', 'POST /api/v1/series', '{"series":["a"]}', 'series[0] must be an object'],
    ['no points', 'POST /api/v1/series', '{"series":[{"metric":"a"}]}', 'series[0]: points must be a list'],
    ['a check without a name', 'POST /api/v1/check_run', '[{"check":"a"},{}]', '[1]: check must be a text that is not empty'],
    ['a check that is none', 'POST /api/v1/check_run', '3', 'the body must be an object'],
    ['an event without a title', 'POST /api/v1/events', '{"text":"x"}', 'the body: title must be a text that is not empty'],
    ['a v2 event without data', 'POST /api/v2/events', '{}', 'data must be an object'],
    ['a v2 event without attributes', 'POST /api/v2/events', '{"data":{}}', 'data.attributes must be an object'],
    ['a body where none belongs', 'GET /api/v1/validate', '{}', '/api/v1/validate takes no body'],
  ])('%s is a fault', (_, method, body, reason) => {
    expect(read(method, body)).toEqual({ kind: 'fault', status: 400, reason });
  });

  test('whatever comes, it answers and does not throw', () => {
    fc.assert(
      fc.property(fc.constantFrom(...intakeEndpoints), fc.oneof(fc.json(), fc.string()), (at, text) => {
        expect(['intake', 'fault']).toContain(readIntake(at, text).kind);
      }),
      { numRuns: 2000 },
    );
  });

  test('every name and every point of a valid body is counted', () => {
    const series = fc.array(fc.record({ metric: fc.string({ minLength: 1 }), points: fc.array(fc.tuple(fc.nat(), fc.double())) }));
    fc.assert(
      fc.property(series, (list) => {
        const body = read('POST /api/v1/series', { series: list });
        const total = body.kind === 'intake' ? [...(body.metrics ?? new Map<string, number>()).values()].reduce((a, b) => a + b, 0) : -1;
        expect(total).toBe(list.reduce((sum, s) => sum + s.points.length, 0));
        if (body.kind === 'intake') expect(new Set(body.metrics?.keys())).toEqual(new Set(list.map((s) => s.metric)));
      }),
    );
  });
});
