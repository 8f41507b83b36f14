// Requests that must never reach an upstream: what each looks like, and the protocol's own error for it.
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { limits } from '../../src/base/limits.ts';

export interface BadRequest {
  readonly name: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  readonly status: number;
  readonly code: number;
}

const JSON_TYPE = { 'content-type': 'application/json' };
export const call = (args = '{}', meta = ''): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"put","arguments":${args}${meta === '' ? '' : `,"_meta":${meta}`}}}`;
const modern = '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}';

/** The list of tools that an upstream gives, with arguments that headers repeat. */
export const TOOLS = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  result: {
    tools: [
      {
        name: 'put',
        inputSchema: {
          type: 'object',
          properties: {
            region: { type: 'string', 'x-mcp-header': 'Region' },
            count: { type: 'integer', 'x-mcp-header': 'Count' },
            dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
            place: { type: 'object', properties: { room: { type: 'string', 'x-mcp-header': 'Room' } } },
          },
        },
      },
    ],
  },
});

const refused = (name: string, code: number, body: string | Buffer, headers: Readonly<Record<string, string>> = JSON_TYPE, status = 400): BadRequest => ({
  name,
  headers,
  body,
  status,
  code,
});
const differs = (name: string, header: string, value: string, body: string): BadRequest =>
  refused(`a header that differs: ${name}`, -32020, body, { ...JSON_TYPE, [header]: value });

/** Grows to more than a body may have. */
const bomb = Buffer.alloc(limits.requestInflatedBytesMax + 1, ' ');

export const badRequests: readonly BadRequest[] = [
  refused('no JSON', -32700, '{"jsonrpc":"2.0","id":1,'),
  refused('no body', -32700, ''),
  refused('text behind the end', -32700, `${call()} {}`),
  refused('no UTF-8', -32700, Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","x":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])),
  refused('UTF-16', -32700, Buffer.from(`\ufeff${call()}`, 'utf16le')),
  refused('another media type', -32000, call(), { 'content-type': 'text/plain' }, 415),
  refused('another charset', -32000, call(), { 'content-type': 'application/json; charset=utf-16' }, 415),
  refused('no media type', -32000, call(), {}, 415),
  refused('no JSON-RPC 2.0', -32600, '{"jsonrpc":"1.0","id":1,"method":"ping"}'),
  refused('an id that is neither text nor number', -32600, '{"jsonrpc":"2.0","id":null,"method":"ping"}'),

  differs('Mcp-Method', 'mcp-method', 'tools/list', call()),
  differs('Mcp-Method in another case', 'mcp-method', 'Tools/Call', call()),
  differs('Mcp-Name', 'mcp-name', 'get', call()),
  differs('Mcp-Name in base64', 'mcp-name', '=?base64?Z2V0?=', call()),
  differs('MCP-Protocol-Version', 'mcp-protocol-version', '2025-11-25', call('{}', modern)),
  differs('Mcp-Param of a text', 'mcp-param-region', 'us', call('{"region":"eu"}')),
  differs('Mcp-Param of a text in base64', 'mcp-param-region', '=?base64?dXM=?=', call('{"region":"eu"}')),
  differs('Mcp-Param that is no base64', 'mcp-param-region', '=?base64?d!?=', call('{"region":"eu"}')),
  differs('Mcp-Param of a number', 'mcp-param-count', '43', call('{"count":42}')),
  differs('Mcp-Param of a number that is too big for JavaScript', 'mcp-param-count', '9007199254740992', call('{"count":9007199254740993}')),
  differs('Mcp-Param of a boolean', 'mcp-param-dry', 'true', call('{"dry":false}')),
  differs('Mcp-Param of what is not there', 'mcp-param-region', 'us', call()),
  differs('Mcp-Param of an argument inside another', 'mcp-param-room', '1', call('{"place":{"room":"2"}}')),

  refused('a body that is too long', -32700, Buffer.alloc(limits.requestBytesMax + 1, ' '), JSON_TYPE, 413),
  refused('a gzip bomb', -32700, gzipSync(bomb), { ...JSON_TYPE, 'content-encoding': 'gzip' }, 413),
  refused('a deflate bomb', -32700, deflateSync(bomb), { ...JSON_TYPE, 'content-encoding': 'deflate' }, 413),
  refused('a brotli bomb', -32700, brotliCompressSync(bomb), { ...JSON_TYPE, 'content-encoding': 'br' }, 413),
  refused('a zstd bomb', -32700, zstdCompressSync(bomb), { ...JSON_TYPE, 'content-encoding': 'zstd' }, 413),
  refused('a bomb in a bomb', -32700, gzipSync(gzipSync(bomb)), { ...JSON_TYPE, 'content-encoding': 'gzip, gzip' }, 413),
  refused('a coding that is none', -32700, call(), { ...JSON_TYPE, 'content-encoding': 'snappy' }, 415),
  refused('what is not in its coding', -32700, call(), { ...JSON_TYPE, 'content-encoding': 'gzip' }),

  refused('a batch where the revision has none', -32600, `[${call()}]`, { ...JSON_TYPE, 'mcp-protocol-version': '2025-11-25' }),
  refused('an empty batch', -32600, '[]'),
  refused('a batch with an id twice', -32600, `[${call()},${call().replace('"id":1', '"id":1.0')}]`),

  refused('method twice', -32600, '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"put"}}'),
  refused('method twice, once escaped', -32600, '{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"tools/call","params":{"name":"put"}}'),
  refused('method in another case', -32600, '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}'),
  refused('method only in another case', -32600, '{"jsonrpc":"2.0","id":1,"Method":"tools/call","result":{}}'),
  refused('params twice', -32600, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get"},"params":{"name":"put"}}'),
  refused('the name twice', -32600, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get","name":"put"}}'),
  refused('the name in another case', -32600, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get","NAME":"put"}}'),
  refused('an argument twice', -32600, call('{"region":"us","region":"eu"}')),
  refused('an argument in another case', -32600, call('{"region":"us","Region":"eu"}')),
  refused('no name', -32602, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{}}}'),
];
