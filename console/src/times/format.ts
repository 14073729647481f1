/** Times, durations and days as text. */
import { serverNow } from "../api/server-clock";

const LOCAL_FORMAT = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
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

/** Such as `1 Dec 07:56`; with the year if it isn't the current one. */
export function renderShort(at: string, now: number): string {
  const time = new Date(at);
  const year = time.getFullYear() === new Date(now).getFullYear() ? "" : ` ${time.getFullYear()}`;
  const clock = time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return `${time.getDate()} ${time.toLocaleDateString("en-GB", { month: "short" }).slice(0, 3)}${year} ${clock}`;
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

/** What is left of a time, such as `1 h 05 min 09 s`, or `2 d 03 h`. */
export function renderCountdown(seconds: number): string {
  const [days, hours, minutes, rest] = splitSeconds(seconds);
  const padded = (part: number) => String(part).padStart(2, "0");
  if (days > 0) return `${days} d ${padded(hours)} h`;
  if (hours > 0) return `${hours} h ${padded(minutes)} min ${padded(rest)} s`;
  return minutes > 0 ? `${minutes} min ${padded(rest)} s` : `${rest} s`;
}

/** A length, such as `400 days`, `4 hours`, `1 h 30 min` or `12 s`. */
export function renderDuration(seconds: number): string {
  const days = seconds / 86_400;
  if (Number.isInteger(days) && days > 1) return `${days} days`;
  const hours = seconds / 3_600;
  if (Number.isInteger(hours) && hours > 0) return hours === 1 ? "1 hour" : `${hours} hours`;
  const units = ["d", "h", "min", "s"];
  const parts = splitSeconds(seconds).flatMap((part, place) => (part > 0 ? [`${part} ${units[place]}`] : []));
  return parts.join(" ") || "0 s";
}

function splitSeconds(seconds: number): readonly [number, number, number, number] {
  const whole = Math.max(0, Math.floor(seconds));
  return [Math.floor(whole / 86_400), Math.floor((whole % 86_400) / 3_600), Math.floor((whole % 3_600) / 60), whole % 60];
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
