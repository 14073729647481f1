/** The settings that an administrator can change: what holds, in words, and where it comes from. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { EditableSetting, Setting } from "../api/records";

const REFRESH_MILLISECONDS = 15_000;

type SettingValue = Setting["value"];

/** What a form needs to know about a setting. */
interface SettingText {
  label: string;
  description: string;
  /** How its value is written. */
  form: "length" | "number" | "times";
}

export const SETTING_TEXTS: { readonly [name in EditableSetting]: SettingText } = {
  "windows.longest": {
    label: "Longest window",
    description: "The longest duration of a recovery window, extensions included.",
    form: "length",
  },
  "windows.default_length": {
    label: "Default length",
    description: "The duration of a window whose request doesn't say.",
    form: "length",
  },
  "windows.approvals": {
    label: "Approvals needed",
    description: "How many people, other than the requester, must approve a window. Requests that exist keep their number.",
    form: "number",
  },
  "windows.approval_valid": {
    label: "Approval valid for",
    description: "How long a request waits for its approvals, and an approval for its use.",
    form: "length",
  },
  "schedules.audits": { label: "Audit of the whole organization", description: "Reads every account.", form: "times" },
  "schedules.drift_checks": { label: "Set-up check", description: "Compares the set-up with the accepted one.", form: "times" },
  "schedules.drill_reminders": { label: "Reminder of due drills", description: "Notifies the targets of due drills.", form: "times" },
  "schedules.reports": {
    label: "Report delivery",
    description: "Sends the evidence report to the places in this server's settings.",
    form: "times",
  },
};

const ORDER = Object.keys(SETTING_TEXTS);

export function useSettings(section: "windows" | "schedules") {
  const settings = useQuery({
    queryKey: ["settings"],
    queryFn: () => unwrap(api.GET("/api/v1/settings")),
    refetchInterval: REFRESH_MILLISECONDS,
  });
  const found = settings.data?.settings.filter(({ name }) => name.startsWith(`${section}.`));
  return { ...settings, items: found?.sort((one, other) => ORDER.indexOf(one.name) - ORDER.indexOf(other.name)) };
}

/** After a change: what is shown of it elsewhere is read again, too. */
export function refreshSettings(): void {
  for (const key of ["settings", "policy", "schedules"]) void queries.invalidateQueries({ queryKey: [key] });
}

export function renderSetting(value: SettingValue): string {
  if (Array.isArray(value)) return value.join("\n");
  return String(value);
}

/** Read what was entered; `null` if it isn't a value. The server checks it again, with the bounds. */
export function parseSetting(text: string, form: SettingText["form"]): SettingValue | null {
  const entered = text.trim();
  if (form === "times")
    return entered
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  if (form === "number") return /^\d{1,3}$/.test(entered) ? Number(entered) : null;
  return /^\d+[smhd]$/.test(entered) ? entered : null;
}

/** Where the value that holds comes from. */
export function describeSource({ source, variable }: Setting): string {
  if (source === "console") return "Console";
  if (source === "variable") return `Environment variable ${variable ?? ""}`;
  return source === "file" ? "Settings file" : "Default";
}
