/** The trend as steps: a reading holds until the next audit of all accounts. */
import type { TrendDay } from "../api/records";

export const DAY_MILLISECONDS = 86_400_000;

export interface Step {
  /** Both in milliseconds since 1970. */
  start: number;
  end: number;
  known: number;
  unknown: number;
  text: string;
}

export function hasData(day: TrendDay): boolean {
  return day.left_known !== null || day.windows_opened > 0 || day.deletions > 0;
}

/** The place of the first day with data; the number of days if there is none. */
export function findFirstDay(days: readonly TrendDay[]): number {
  const place = days.findIndex(hasData);
  return place < 0 ? days.length : place;
}

export function startOf(day: TrendDay): number {
  return Date.parse(`${day.day}T00:00:00Z`);
}

/** One step for each audited day, and the numbers of now from today's start on. */
export function listSteps(days: readonly TrendDay[], now: { known: number; unknown: number }): Step[] {
  const last = days.at(-1);
  if (!last) return [];
  const audited = days.filter((one) => one.left_known !== null && one !== last);
  const today = startOf(last);
  const before = audited.map((one, place) => {
    const next = audited[place + 1];
    const [known, unknown] = [one.left_known ?? 0, one.left_unknown ?? 0];
    return { start: startOf(one), end: next ? startOf(next) : today, known, unknown, text: `${renderDay(startOf(one))}: ${describe(known, unknown)}` };
  });
  return [...before, { start: today, end: today + DAY_MILLISECONDS, ...now, text: `Now: ${describe(now.known, now.unknown)}` }];
}

function describe(known: number, unknown: number): string {
  return `${known.toLocaleString()} known, ${unknown.toLocaleString()} unknown`;
}

export function renderDay(at: number): string {
  return new Date(at).toLocaleDateString("en", { month: "short", day: "numeric", timeZone: "UTC" });
}

/** Round numbers from 0 to at least `most`, three or four of them. */
export function listLevels(most: number): number[] {
  const smallest = Math.max(1, most / 3);
  const power = 10 ** Math.floor(Math.log10(smallest));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= smallest) ?? smallest;
  const count = Math.max(1, Math.ceil(most / step));
  return Array.from({ length: count + 1 }, (_, place) => place * step);
}
