/** Days in the viewer's zone, as `YYYY-MM-DD`, and the moments at which they begin and end. */
import { serverNow } from "../api/server-clock";

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
