// `npm run bench`: what recording costs on the data path. Everything is measured in turns within one run, and what counts are ratios of neighbours in time,
// so that a busy moment of the machine meets all alike. `--quick` ends within 45 s; `--json` prints only the measures; `--profile DIR` writes CPU profiles.
import { atLeast, atMost, type Measure, print } from '../eval/report.ts';
import { CouldNotMeasure, type Figures, Rounds } from './rounds.ts';
import { commitWait, journalSize, longStreams, type Place, soak, verified } from './side.ts';
import { Stage } from './stage.ts';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const json = args.includes('--json');
const profileAt = args.indexOf('--profile');
const soakAt = args.indexOf('--soak');
const profiles = profileAt === -1 ? undefined : args[profileAt + 1];
/** Minutes of load under which memory is watched; at least four say something. */
const soakMinutes = soakAt === -1 ? (quick ? 0 : 10) : Number(args[soakAt + 1]);
const DIRECT_FASTER_MIN = 2;

const say = (text: string): void => {
  if (!json) console.log(text);
};

try {
  print(await bench(), args);
} catch (error) {
  if (!(error instanceof CouldNotMeasure)) throw error;
  console.error(`bench: could not measure: ${error.message}`);
  process.exitCode = 1;
}

async function bench(): Promise<Measure[]> {
  await using stage = await Stage.open(profiles);
  const [on, off, normal, behind, hop] = await Promise.all([
    stage.forwarder({ masking: 'on', synchronous: 'full' }),
    stage.forwarder({ masking: 'off', synchronous: 'full' }),
    stage.forwarder({ masking: 'on', synchronous: 'normal' }),
    stage.forwarderAndGateway(),
    stage.hop(stage.direct),
  ]);
  const hops = await stage.hop(hop);
  const places: Record<Place, typeof stage.direct> = { direct: stage.direct, hop, hops, on, off, normal, behind };
  const rounds = new Rounds(stage, places, quick, say);
  await rounds.warmUp();
  const measures: Measure[] = [...(await ratios(rounds))];
  const streams = await longStreams(rounds, ['hop', 'on', 'behind']);
  say(streams.table);
  measures.push(...streams.measures);
  if (soakMinutes > 0) measures.push(...(await soak(rounds, { on, behind, gateway: behind.gateway }, soakMinutes)));
  measures.push(...(await journalSize(stage, quick)));
  measures.push(...(await commitWait(quick)));
  measures.push(...(await verified(rounds, { on, off, normal, behind }, behind)));
  return measures;
}

async function ratios(rounds: Rounds): Promise<Measure[]> {
  const throughput = (one: Figures): number => one.perSecond;
  const p50 = (one: Figures): number => one.p50;
  const small = await rounds.measure('1 KB, 16 connections', ['direct', 'hop', 'hops', 'on', 'behind'], { kind: '1k', connections: 16 });
  const faster = small.ratio('direct', 'hop', throughput);
  if (faster < DIRECT_FASTER_MIN)
    throw new CouldNotMeasure(`direct is only ${faster.toFixed(2)} times as fast as the bare hop: load generator and upstream are the bottleneck`);
  // Before the large answers, of which the disk has hundreds of megabytes to write for a while.
  const one = await rounds.measure('1 KB, 1 connection', ['hop', 'on', 'normal'], { kind: '1k', connections: 1 });
  const sse = await rounds.measure('event stream, 1 connection, to the first event', ['hop', 'on', 'normal'], { kind: 'sse', connections: 1 });
  const middle = await rounds.measure('64 KB, 16 connections', ['hop', 'on', 'off'], { kind: '64k', connections: 16 });
  const large = await rounds.measure('1 MB, 16 connections', ['hop', 'on', 'off'], { kind: '1m', connections: 16 });
  if (!quick) await matrix(rounds);
  return [
    atLeast('forwarder / bare hop, calls a second, 16 connections, 1 KB', small.ratio('on', 'hop', throughput), 'x', 0.5),
    atLeast('  64 KB, masking off', middle.ratio('off', 'hop', throughput), 'x', 0.4),
    atLeast('  64 KB, masking on', middle.ratio('on', 'hop', throughput), 'x', 0.2),
    atLeast('  1 MB, masking off', large.ratio('off', 'hop', throughput), 'x', 0.3),
    atLeast('  1 MB, masking on', large.ratio('on', 'hop', throughput), 'x', 0.12),
    atMost('forwarder / bare hop, p50, 1 connection, synchronous=NORMAL', one.ratio('normal', 'hop', p50), 'x', 2),
    atMost('forwarder / bare hop, p50, 1 connection, synchronous=FULL', one.ratio('on', 'hop', p50), 'x', 3.5),
    atLeast('forwarder + gateway / two bare hops, calls a second, 16 connections, 1 KB', small.ratio('behind', 'hops', throughput), 'x', 0.4),
    atMost('first event, forwarder / bare hop, p50, synchronous=NORMAL', sse.ratio('normal', 'hop', p50), 'x', 2),
    atMost('first event, forwarder / bare hop, p50, synchronous=FULL', sse.ratio('on', 'hop', p50), 'x', 3.5),
  ];
}

/** The rest of the table: no targets, but what one wants to know. */
async function matrix(rounds: Rounds): Promise<void> {
  await rounds.measure('reads and changes, 16 connections', ['hop', 'hops', 'on', 'behind'], { kind: 'mix', connections: 16 });
  const seen = new Set(['1k 16']);
  for (const kind of ['1k', '64k', '1m'] as const) {
    for (const connections of [1, 16, 64]) {
      if (seen.has(`${kind} ${connections}`)) continue;
      await rounds.measure(
        `${kind.replace(/[km]/, (unit) => ` ${unit.toUpperCase()}B`)}, ${connections} connections`,
        ['direct', 'hop', 'hops', 'on', 'off', 'behind'],
        {
          kind,
          connections,
        },
      );
    }
  }
}
