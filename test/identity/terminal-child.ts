// `mcprec login` at the terminal that this process has, with nothing else of the program around it.
import { systemClock } from '../../src/base/clock.ts';
import { asMcprecError } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/random.ts';
import { runLogin } from '../../src/cli/login.ts';

const interrupt = new AbortController();
process.on('SIGINT', () => interrupt.abort('SIGINT'));
const { stdin, stdout, stderr, env } = process;
const io = { stdin, stdout, stderr, env, clock: systemClock, random: systemRandom, home: env.MCPREC_HOME ?? '', signal: interrupt.signal };
try {
  await runLogin({}, io);
} catch (error) {
  stdout.write(`ended: ${asMcprecError(error).code}\n`);
}
