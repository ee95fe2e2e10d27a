/**
 * Times, dates, sizes and lists in the words of a language.
 * The present is an argument: nothing here looks at a clock.
 */

export interface Formats {
  /** 14:05 */
  time: (at: string | number) => string;
  /** Today, Yesterday, Monday, 3 March, 3 March 2025: the nearer the shorter. */
  day: (at: string | number, now: number) => string;
  /** 14:05 today, Mon this week, else a date: for lists. */
  brief: (at: string | number, now: number) => string;
  /** Date and time in full. */
  exact: (at: string | number) => string;
  /** 5 minutes ago. */
  relative: (at: string | number, now: number) => string;
  bytes: (count: number) => string;
  number: (value: number) => string;
  /** 1 h 5 min: the two largest units. */
  duration: (ms: number) => string;
  /** Ada, Bob and Cem. */
  list: (items: readonly string[]) => string;
}

const DAY_MS = 86_400_000;
const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
const DURATION_UNITS = [
  ["day", DAY_MS],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
] as const;

export function formatsOf(locale: string): Formats {
  const time = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
  const weekday = new Intl.DateTimeFormat(locale, { weekday: "long" });
  const weekdayShort = new Intl.DateTimeFormat(locale, { weekday: "short" });
  const dayMonth = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "long" });
  const dayMonthYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
  const dateBrief = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  const dateNumeric = new Intl.DateTimeFormat(locale, { dateStyle: "short" });
  const exact = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const number = new Intl.NumberFormat(locale);
  const list = new Intl.ListFormat(locale, { type: "conjunction" });
  return {
    time: (at) => time.format(new Date(at)),
    day: (at, now) => {
      const days = daysBetween(now, new Date(at).getTime());
      if (days === 0 || days === -1) return capital(relative.format(days, "day"), locale);
      if (days > -6 && days < 0) return weekday.format(new Date(at));
      return sameYear(at, now) ? dayMonth.format(new Date(at)) : dayMonthYear.format(new Date(at));
    },
    brief: (at, now) => {
      const days = daysBetween(now, new Date(at).getTime());
      if (days === 0) return time.format(new Date(at));
      if (days > -6 && days < 0) return weekdayShort.format(new Date(at));
      return sameYear(at, now) ? dateBrief.format(new Date(at)) : dateNumeric.format(new Date(at));
    },
    exact: (at) => exact.format(new Date(at)),
    relative: (at, now) => relativeText(relative, new Date(at).getTime() - now),
    bytes: (count) => bytesText(locale, count),
    number: (value) => number.format(value),
    duration: (ms) => durationText(locale, ms),
    list: (items) => list.format(items),
  };
}

/** Calendar days from one moment to another, in the browser's time zone. */
export function daysBetween(from: number, to: number): number {
  return Math.round((startOfDay(to) - startOfDay(from)) / DAY_MS);
}

export function startOfDay(at: number): number {
  const date = new Date(at);
  date.setHours(0, 0, 0, 0);
  return date.getTime();
}

function sameYear(at: string | number, now: number): boolean {
  return new Date(at).getFullYear() === new Date(now).getFullYear();
}

function relativeText(format: Intl.RelativeTimeFormat, ms: number): string {
  for (const [unit, size] of DURATION_UNITS) {
    if (Math.abs(ms) >= size && unit !== "second") return format.format(Math.trunc(ms / size), unit);
  }
  return format.format(0, "minute");
}

function bytesText(locale: string, count: number): string {
  const power = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  const unit = BYTE_UNITS[power] ?? "byte";
  const digits = power === 0 || count / 1000 ** power >= 100 ? 0 : 1;
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat(locale, options).format(count / 1000 ** power);
}

function durationText(locale: string, ms: number): string {
  const first = DURATION_UNITS.findIndex(([, size]) => ms >= size);
  if (first === -1) return unitText(locale, "second", Math.round(ms / 100) / 10);
  let rest = ms;
  const texts: string[] = [];
  for (const [unit, size] of DURATION_UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) texts.push(unitText(locale, unit, count));
  }
  return texts.join(" ");
}

function unitText(locale: string, unit: string, value: number): string {
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short" }).format(value);
}

function capital(text: string, locale: string): string {
  return text.slice(0, 1).toLocaleUpperCase(locale) + text.slice(1);
}
