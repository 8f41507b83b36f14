import { someoneIn } from '../../src/policy/context.ts';

// Pieces of gateway.yaml that the tests of this room put together.
export const HEAD = `data: sqlite:gateway.db
keys: file:/run/keys
identity: { issuer: "https://login.example.com", audience: mcprec }
`;
export const DATADOG = `connections:
  datadog: { kind: mcp, upstream: "https://mcp.example.com/v1/mcp", record: full, unscoped_tools: ["search_*"] }
`;
export const OPEN = `access:
  - { groups: [sre] }
`;

/** Somebody in these groups, on a Tuesday at noon. */
export function someone(groups: readonly string[]): ReturnType<typeof someoneIn> {
  return someoneIn(groups, () => Date.UTC(2026, 10, 24, 12));
}
