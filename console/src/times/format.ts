/** Times, durations and days as text. */
import { serverNow } from "../api/server-clock";

const LOCAL_FORMAT = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});
const RELATIVE_FORMAT = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const RELATIVE_UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export function renderLocal(at: string): string {
  return LOCAL_FORMAT.format(new Date(at));
}

export function renderUtc(at: string): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

export function renderRelative(at: string, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1_000;
  for (const [unit, length] of RELATIVE_UNITS)
    if (Math.abs(seconds) >= length) return RELATIVE_FORMAT.format(Math.trunc(seconds / length), unit);
  return seconds > 0 ? "in less than a minute" : "just now";
}

/** Such as `1 h 05 min 09 s`. */
export function renderCountdown(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60), whole % 60] as const;
  const padded = (part: number) => String(part).padStart(2, "0");
  if (parts[0] > 0) return `${parts[0]} h ${padded(parts[1])} min ${padded(parts[2])} s`;
  return parts[1] > 0 ? `${parts[1]} min ${padded(parts[2])} s` : `${parts[2]} s`;
}

export function today(): string {
  return dayOf(new Date(serverNow()));
}

export function daysBefore(day: string, count: number): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return dayOf(new Date(year, month - 1, date - count));
}

export function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(new Date(`${text}T00:00:00`).getTime());
}

/** RFC 3339, in UTC. */
export function startOfDay(day: string): string {
  return new Date(`${day}T00:00:00`).toISOString();
}

export function endOfDay(day: string): string {
  return startOfDay(daysBefore(day, -1));
}

function dayOf(moment: Date): string {
  const padded = (part: number) => String(part).padStart(2, "0");
  return `${moment.getFullYear()}-${padded(moment.getMonth() + 1)}-${padded(moment.getDate())}`;
}
