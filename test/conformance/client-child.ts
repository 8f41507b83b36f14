// The command that the suite starts as the client under test: asks the run for the way to the suite's server, and plays the scenario.
import { scenarioOf } from './client-scenarios.ts';
import { takeWay } from './stage.ts';

const { MCP_CONFORMANCE_SCENARIO: scenario = '', MCP_CONFORMANCE_PROTOCOL_VERSION: revision = '', MCP_CONFORMANCE_CONTEXT: told } = process.env;
const play = scenarioOf(scenario);
if (play === undefined) throw new Error(`the fixture client does not know the scenario ${scenario}`);
const url = await takeWay(process.argv.at(-1) ?? '');
await play({ url, revision, ...(told === undefined ? {} : JSON.parse(told)) });
process.exit(0);
