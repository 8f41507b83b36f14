// Node's HTTP module by another door: an import of `node:http` reads everything it exports, among it a WebSocket whose getter loads
// Node's own copy of undici, seven megabytes that nothing here uses.
import { getBuiltinModule } from 'node:process';

export const { Agent, createServer, request } = getBuiltinModule('node:http');
