/** Targets of notifications, as the setting has them: name, lowest severity, and a reference to the URL. */
import type { NotificationTarget } from "../api/records";

export type Severity = NotificationTarget["least_severity"];
export type ReferenceKind = "env" | "file";

export interface TargetDraft {
  name: string;
  severity: Severity;
  kind: ReferenceKind;
  /** The name of a variable, or the path of a file, of the server. */
  place: string;
}

export const SEVERITY_LABELS: { readonly [severity in Severity]: string } = {
  info: "Everything",
  warning: "Warnings and critical messages",
  critical: "Critical messages only",
};

/** A URL contains a token: it must not be sent or kept here. */
export function looksLikeUrl(place: string): boolean {
  return place.includes("://");
}

/** Whether the server would accept it. */
export function isComplete({ name, kind, place }: TargetDraft): boolean {
  const isPlace = kind === "env" ? /^[A-Za-z_][A-Za-z0-9_]*$/.test(place) : place.trim() !== "" && !looksLikeUrl(place);
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name) && isPlace;
}

export function renderTarget({ name, severity, kind, place }: TargetDraft): string {
  return `${name} ${severity} ${kind}:${place.trim()}`;
}

/** The entry of a target in the setting, as it is kept. */
export function findEntry(entries: readonly string[], name: string): string | undefined {
  return entries.find((entry) => entry.split(/\s+/)[0] === name);
}

export function toDraft({ target, least_severity: severity, reference }: NotificationTarget): TargetDraft {
  const kind = reference.startsWith("file:") ? "file" : "env";
  return { name: target, severity, kind, place: reference.slice(kind.length + 1) };
}

export function describeReference(reference: string): string {
  const place = reference.slice(reference.indexOf(":") + 1);
  return reference.startsWith("file:") ? `File ${place}` : `Environment variable ${place}`;
}
