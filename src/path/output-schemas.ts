// What the tools of a connection say of their structured output, as their lists passed by, and whether masking an answer breaks it (RULES R16).
import { type JsonNode, member, membersNamed, parseJson, plainValue, stringMember } from '../base/json.ts';
import { limits } from '../base/limits.ts';
import { type SkimmedMember, skimObject } from '../base/skim.ts';
import { checkSchema, type SchemaFault } from '../protocol/json-schema.ts';

/** The output schemas of one connection's tools. Bounded: what was learnt first is forgotten first. */
export class OutputSchemas {
  readonly #schemas = new Map<string, unknown>();

  /** Takes in an upstream's answer to `tools/list`. */
  learn(text: string): void {
    const root = parseJson(text);
    if (root.type === 'fault') return;
    for (const result of membersNamed(root, 'result')) {
      const tools = member(result, 'tools');
      if (tools?.type === 'array') for (const tool of tools.items) this.#learnTool(tool);
    }
  }

  /** Where the structured content of an answer that a mask changed no longer fits the tool's schema, though it did before. */
  broken(tool: string, before: string, after: string): SchemaFault | undefined {
    const schema = this.#schemas.get(tool);
    if (schema === undefined) return undefined;
    const was = structuredContent(before);
    const is = structuredContent(after);
    if (was === undefined || is === undefined || was === is) return undefined;
    try {
      const fault = checkSchema(schema, JSON.parse(is));
      return fault !== undefined && checkSchema(schema, JSON.parse(was)) === undefined ? fault : undefined;
    } catch {
      return undefined;
    }
  }

  #learnTool(tool: JsonNode): void {
    const name = stringMember(tool, 'name');
    if (name === undefined) return;
    this.#schemas.delete(name);
    const schema = member(tool, 'outputSchema');
    if (schema?.type !== 'object' || schema.end - schema.start > limits.outputSchemaUnitsMax) return;
    if (this.#schemas.size >= limits.outputSchemasMax) this.#schemas.delete(this.#schemas.keys().next().value ?? '');
    this.#schemas.set(name, plainValue(schema));
  }
}

function structuredContent(text: string): string | undefined {
  const named = (members: readonly SkimmedMember[] | undefined, key: string): SkimmedMember | undefined => members?.find((m) => m.key === key);
  const result = named(skimObject(text), 'result');
  const content = result && named(skimObject(text, result.start), 'structuredContent');
  return content && text.slice(content.start, content.end);
}
