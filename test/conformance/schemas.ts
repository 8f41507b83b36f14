// Input schemas that no zod type makes: JSON Schema 2020-12 with all its keywords, and arguments that are mirrored in headers.
import type { JsonSchemaType } from '@modelcontextprotocol/server';
import { z } from 'zod';

export const richSchema: JsonSchemaType = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

/** Arguments that clients of the modern era repeat in `Mcp-Param-*`. */
export const withHeaders = z.object({
  region: z.string().meta({ 'x-mcp-header': 'Region' }),
  priority: z.int().meta({ 'x-mcp-header': 'Priority' }).optional(),
  verbose: z.boolean().meta({ 'x-mcp-header': 'Verbose' }).optional(),
  query: z.string().optional(),
});
