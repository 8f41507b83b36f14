// Texts that carry a value, as MCP messages, logs, SQL, metrics and prose do. `{}` is where it goes.
import type { MaskRequest } from '../../src/mask/masker.ts';
import type { Random } from './random.ts';

/** A text with a value in it, and how it is to be read. */
export interface Carried {
  readonly text: string;
  readonly form: MaskRequest['form'];
}

const prose = [
  'user signed in: {}',
  '2026-11-22T10:15:00.123Z INFO [checkout-api] request by {} accepted in 12ms',
  'level=warn msg="retrying" subject={} attempt=3',
  'please look at {}, thanks',
  '({})',
  "SELECT * FROM customers WHERE ref = '{}' AND active = 1 LIMIT 10",
  'INSERT INTO audit (actor, at) VALUES ("{}", now())',
  'trace.http.request{value:{},env:prod} 0.93 1790000000',
  'a|b|{}|c',
  'row 17, {}, done',
  'https://shop.example/orders?ref={}&page=2',
  '<td>{}</td>',
];

// Left out where the value has spaces or could not stand in a URL or a tag.
const noSpaces = new Set([2, 7, 10]);

function inProse(r: Random, value: string, labels: readonly string[]): string {
  const index = r.below(prose.length);
  const template = prose[/[\s:/@]/.test(value) && noSpaces.has(index) ? 3 : index] ?? '{}';
  const label = labels.length > 0 ? `${r.pick(labels)} ` : '';
  return template.replace('{}', () => label + value);
}

/** Sets `value`, behind one of `labels`, into a text of some shape. */
export function carry(r: Random, value: string, labels: readonly string[]): Carried {
  const line = inProse(r, value, labels);
  switch (r.below(6)) {
    case 0:
    case 1:
      return { text: line, form: 'text' };
    case 2:
      return { text: JSON.stringify({ jsonrpc: '2.0', id: 4, result: { content: [{ type: 'text', text: line }] } }), form: 'json' };
    case 3:
      return {
        text: JSON.stringify({
          jsonrpc: '2.0',
          id: 5,
          result: { content: [{ type: 'text', text: JSON.stringify({ logs: [{ message: line, host: 'web-1' }] }) }] },
        }),
        form: 'json',
      };
    case 4:
      return {
        text: JSON.stringify({
          jsonrpc: '2.0',
          id: 6,
          method: 'tools/call',
          params: { name: 'search_logs', arguments: { query: line, tags: [line] } },
        }).replace(/@/g, r.chance(0.3) ? '\\u0040' : '@'),
        form: 'json',
      };
    default:
      return { text: JSON.stringify({ event: { body: JSON.stringify({ inner: JSON.stringify({ note: line }) }) } }), form: 'json' };
  }
}
