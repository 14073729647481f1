/** The settings that an administrator can change: what holds, in words, and where it comes from. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { EditableSetting, Setting } from "../api/records";
import { renderDuration } from "../times/format";
import { describeTime } from "./cron";

const REFRESH_MILLISECONDS = 15_000;

type SettingValue = Setting["value"];
export type SettingSection = "emails" | "history" | "schedules" | "windows";

/** What a form needs to know about a setting. */
interface SettingText {
  label: string;
  description: string;
  /** How its value is written. */
  form: "length" | "days" | "number" | "times" | "entries";
  /** What an empty list means. */
  empty?: string;
  /** How an entry of a list is written. */
  entry?: string;
}

const PERSON = "One per line: the name of a user or token, such as anna. For the accounts of one unit only: anna in Root/Workloads.";

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
  "windows.requesters": {
    label: "People who may request",
    description: "Only these may request a recovery window, if their role permits it.",
    form: "entries",
    empty: "Everyone whose role permits it",
    entry: PERSON,
  },
  "windows.approvers": {
    label: "People who may approve",
    description: "Only these may approve or extend, if their role permits it.",
    form: "entries",
    empty: "Everyone whose role permits it",
    entry: PERSON,
  },
  "schedules.audits": { label: "Audit of the whole organization", description: "Reads every account.", form: "times", empty: "Never" },
  "schedules.detailed_audits": {
    label: "Detailed audit",
    description: "Also reads the age and last use of each credential. By default it runs only if a detailed audit was run before.",
    form: "times",
    empty: "Never",
  },
  "schedules.drift_checks": { label: "Set-up check", description: "Compares the set-up with the accepted one.", form: "times", empty: "Never" },
  "schedules.drill_reminders": { label: "Reminder of due drills", description: "Notifies the targets of due drills.", form: "times", empty: "Never" },
  "schedules.reports": {
    label: "Report delivery",
    description: "Sends the evidence report to the places that the settings of the server name.",
    form: "times",
    empty: "Never",
  },
  "notifications.targets": {
    label: "Notification targets",
    description: "Where this server sends notifications.",
    form: "entries",
    empty: "None",
    entry: "One per line: name, lowest severity and reference.",
  },
  "emails.allowed_domains": {
    label: "Domains of the organization",
    description: "A root e-mail address of another domain is a finding.",
    form: "entries",
    empty: "None: no address is known to belong to the organization",
    entry: "One per line, such as example.com, or *.example.com for every domain below it.",
  },
  "history.keep": {
    label: "Audits are kept for",
    description: "Older audits are deleted, except the last audit of each account. The ledger is kept forever.",
    form: "days",
  },
};

const ORDER = Object.keys(SETTING_TEXTS);

export function useAllSettings(isAllowed = true) {
  return useQuery({
    enabled: isAllowed,
    queryKey: ["settings"],
    queryFn: () => unwrap(api.GET("/api/v1/settings")),
    refetchInterval: REFRESH_MILLISECONDS,
  });
}

export function useSettings(section: SettingSection) {
  const settings = useAllSettings();
  const found = settings.data?.settings.filter(({ name }) => name.startsWith(`${section}.`));
  return { ...settings, items: found?.sort((one, other) => ORDER.indexOf(one.name) - ORDER.indexOf(other.name)) };
}

/** After a change: what is shown of it elsewhere is read again, too. */
export function refreshSettings(): void {
  for (const key of ["settings", "policy", "schedules", "notifications", "root-emails"]) void queries.invalidateQueries({ queryKey: [key] });
}

export function changeSetting({ name, value: previous }: Setting, value: SettingValue | null, reason: string) {
  const body = { value, previous, reason: reason.trim() };
  return unwrap(api.POST("/api/v1/settings/{name}", { params: { path: { name } }, body }));
}

/** As it is entered in a form. */
export function renderSetting(value: SettingValue): string {
  return Array.isArray(value) ? value.join("\n") : String(value);
}

/** As people read it. */
export function describeValue(name: EditableSetting, value: SettingValue): string {
  const { form, empty = "" } = SETTING_TEXTS[name];
  if (Array.isArray(value)) return value.map((entry) => (form === "times" ? describeTime(entry) : entry)).join("\n") || empty;
  return typeof value === "string" ? describeLength(value) : String(value);
}

/** A length of the settings, such as `90m`, in words. */
export function describeLength(text: string | number): string {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(String(text)) ?? [];
  const seconds = { s: 1, m: 60, h: 3_600, d: 86_400 }[unit ?? ""];
  return seconds === undefined ? String(text) : renderDuration(Number(count) * seconds);
}

/** Read the text of a form; `null` if it isn't a value. The server checks it again, with the bounds. */
export function parseSetting(text: string, form: SettingText["form"]): SettingValue | null {
  const entered = text.trim();
  if (form === "times" || form === "entries")
    return entered
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  if (form === "number") return /^\d{1,3}$/.test(entered) ? Number(entered) : null;
  if (form === "days") return /^\d{1,4}d?$/.test(entered) ? `${Number.parseInt(entered, 10)}d` : null;
  return /^\d+[smhd]$/.test(entered) ? entered : null;
}

/** Where the value that holds comes from. */
export function describeSource({ source, variable }: Setting): string {
  if (source === "console") return "Console";
  if (source === "variable") return `Environment variable ${variable ?? ""}`;
  return source === "file" ? "Settings file" : "Default";
}
