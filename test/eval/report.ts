// What a measuring script prints: a table for people, or with `--json` an array of `{case, value, unit, target, met}`.

export interface Measure {
  readonly case: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number;
  readonly met: boolean;
}

/** `value` has to be at least `target`. */
export function atLeast(name: string, value: number, unit: string, target: number): Measure {
  return { case: name, value: rounded(value), unit, target, met: value >= target };
}

/** `value` must not be over `target`. */
export function atMost(name: string, value: number, unit: string, target: number): Measure {
  return { case: name, value: rounded(value), unit, target, met: value <= target };
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

/** Prints the measures, as JSON where the arguments say so. */
export function print(measures: readonly Measure[], args: readonly string[]): void {
  if (args.includes('--json')) {
    console.log(JSON.stringify(measures));
    return;
  }
  const width = Math.max(...measures.map((m) => m.case.length));
  for (const m of measures) {
    const sign = m.met ? 'ok  ' : 'MISS';
    console.log(`${sign} ${m.case.padEnd(width)}  ${String(m.value).padStart(10)} ${m.unit.padEnd(8)} target ${m.target}`);
  }
}
