// Hours of use: whether a moment lies within a time of the week, in its time zone.
import type { Hours } from './config.ts';
import { type Weekday, weekdays } from './words.ts';

const DAY_MIN = 24 * 60;

interface LocalTime {
  readonly day: Weekday;
  /** Of the day. */
  readonly minute: number;
}

/** Tells the time in one zone; asking the same minute again costs nothing. */
export class HoursClock {
  readonly #hours: Hours;
  readonly #format: Intl.DateTimeFormat;
  #minute = Number.NaN;
  #within = false;

  constructor(hours: Hours) {
    this.#hours = hours;
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: hours.zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  }

  /** Whether the moment lies within. Its length in local time: an hour that the clocks skip is not there, one that they repeat counts twice. */
  includes(wallMs: number): boolean {
    const minute = Math.floor(wallMs / 60_000);
    if (minute !== this.#minute) {
      this.#within = isWithin(this.#hours, this.#localTime(wallMs));
      this.#minute = minute;
    }
    return this.#within;
  }

  #localTime(wallMs: number): LocalTime {
    const parts = Object.fromEntries(this.#format.formatToParts(wallMs).map(({ type, value }) => [type, value]));
    const day = weekdays.find((name) => name === parts.weekday?.toLowerCase()) ?? 'mon';
    return { day, minute: Number(parts.hour) * 60 + Number(parts.minute) };
  }
}

function isWithin({ days, fromMin, toMin }: Hours, { day, minute }: LocalTime): boolean {
  if (fromMin < toMin) return days.includes(day) && minute >= fromMin && minute < toMin;
  // Over midnight: the evening of a listed day, or the morning after one.
  const before = weekdays[(weekdays.indexOf(day) + weekdays.length - 1) % weekdays.length] ?? day;
  return (days.includes(day) && minute >= fromMin) || (days.includes(before) && minute < toMin);
}

/** `mon–fri 08:00–18:00 Europe/Berlin`. */
export function describeHours({ days, fromMin, toMin, zone }: Hours): string {
  const which = days.length === weekdays.length ? 'every day' : days.join(', ');
  return `${which} ${clock(fromMin)}–${clock(toMin)} ${zone}`;
}

function clock(minutes: number): string {
  const part = (n: number) => String(n).padStart(2, '0');
  return minutes === DAY_MIN ? '24:00' : `${part(Math.floor(minutes / 60))}:${part(minutes % 60)}`;
}
