// Sizes as people write them.

const units: Readonly<Record<string, number>> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** Bytes of a size such as `500MB` or `4GiB`; a number alone counts bytes. Undefined where it is none. */
export function parseSize(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^([0-9]{1,15})([KMG]i?B)?$/.exec(text) ?? [];
  const factor = units[unit];
  return digits === '' || factor === undefined ? undefined : Number(digits) * factor;
}
