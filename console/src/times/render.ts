/** Moments and lengths as text. */

const LOCAL = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export function renderLocal(at: string): string {
  return LOCAL.format(new Date(at));
}

export function renderUtc(at: string): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

export function renderRelative(at: string, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1_000;
  for (const [unit, length] of STEPS)
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.trunc(seconds / length), unit);
  return seconds > 0 ? "in less than a minute" : "just now";
}

/** Such as `1 h 05 min 09 s`. */
export function renderLength(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60), whole % 60] as const;
  const padded = (part: number) => String(part).padStart(2, "0");
  if (parts[0] > 0) return `${parts[0]} h ${padded(parts[1])} min ${padded(parts[2])} s`;
  return parts[1] > 0 ? `${parts[1]} min ${padded(parts[2])} s` : `${parts[2]} s`;
}
