/** The columns of the accounts tree, and which of them this browser shows. */
import Badge from "@cloudscape-design/components/badge";
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type ReactNode, useState } from "react";
import type { AccountRow } from "../organization/listing";
import { describeKinds, describeStatus, nameState, STATUSES } from "../organization/statuses";
import { RelativeTime } from "../times/Timestamp";
import { listTags } from "./filters";

export interface Column {
  id: string;
  header: string;
  /** A track of a CSS grid. */
  track: string;
  /** The smallest width of the track, in rem. */
  rem: number;
  cell: (account: AccountRow) => ReactNode;
  /** What a list is sorted by. */
  sortBy: (account: AccountRow) => string | number | null;
}

const COLUMNS: readonly Column[] = [
  {
    id: "status",
    header: "Root user credentials",
    ...track(15.5, 0.25),
    cell: (account) => <StatusCell account={account} />,
    sortBy: (account) => `${STATUSES.findIndex((one) => one.status === account.status)} ${describeStatus(account).label}`,
  },
  {
    id: "kinds",
    header: "Credentials found",
    ...track(11.5, 2),
    cell: (account) => <KindsCell account={account} />,
    sortBy: (account) => (account.kinds === null ? null : describeKinds(account.kinds)),
  },
  { id: "email", header: "Root e-mail", ...track(15, 1), cell: (account) => account.email, sortBy: (account) => account.email },
  { id: "state", header: "State", ...track(7, 0), cell: (account) => nameState(account.state), sortBy: (account) => account.state },
  {
    id: "last_used",
    header: "Last used",
    ...track(12, 2),
    cell: (account) => <LastUseCell account={account} />,
    sortBy: (account) => account.lastUsedAt,
  },
  { id: "account_id", header: "Account id", ...track(8, 0), cell: (account) => account.account_id, sortBy: (account) => account.account_id },
  timeColumn("oldest", "Oldest key or certificate", (account) => account.oldestAt),
  timeColumn("key_used", "Access key last used", (account) => account.keyUsedAt),
  timeColumn("password_used", "Password last used", (account) => account.passwordUsedAt),
  {
    id: "observed",
    header: "Last read",
    ...track(7, 0),
    cell: (account) => <RelativeTime at={account.observedAt} />,
    sortBy: (account) => account.observedAt,
  },
  {
    id: "tags",
    header: "Tags",
    ...track(12, 1),
    cell: (account) => (account.tags ? listTags(account).join(", ") : "Not read"),
    sortBy: (account) => (account.tags ? listTags(account).join(", ") : null),
  },
];

/** A time that only a detailed audit reads. */
function timeColumn(id: string, header: string, read: (account: AccountRow) => string | null): Column {
  const cell = (account: AccountRow) => {
    if (account.kinds?.length === 0) return "–";
    return account.hasDetails ? <RelativeTime at={read(account)} none="Never" /> : "Not read";
  };
  return { id, header, ...track(11, 0), cell, sortBy: read };
}

/** Sort accounts by a column, or by name. What isn't known comes last in both directions. */
export function sortAccounts(accounts: readonly AccountRow[], { column, isDescending }: Sorting): AccountRow[] {
  const sortBy = COLUMNS.find((one) => one.id === column)?.sortBy ?? ((account: AccountRow) => account.name.toLowerCase());
  const sign = isDescending ? -1 : 1;
  const keyed = accounts.map((account) => ({ account, key: sortBy(account) }));
  keyed.sort((one, other) => {
    if (one.key === null || other.key === null) return Number(one.key === null) - Number(other.key === null);
    return one.key < other.key ? -sign : one.key > other.key ? sign : 0;
  });
  return keyed.map(({ account }) => account);
}

export interface Sorting {
  /** The id of a column; `name` for the name. */
  column: string;
  isDescending: boolean;
}

/** The width of a time in UTC, which is longer than an age. */
const UTC_REM = 11.5;
const TIME_COLUMNS: readonly string[] = ["oldest", "key_used", "password_used", "observed"];
const STORAGE_KEY = "rootkeeper.accounts.columns";
const DEFAULT_COLUMNS: readonly string[] = ["status", "kinds", "last_used", "account_id", "observed"];

function track(rem: number, share: number): { track: string; rem: number } {
  return { rem, track: share ? `minmax(${rem}rem, ${share}fr)` : `${rem}rem` };
}

/** The columns with these ids, in the order of `COLUMNS`. */
export function pickColumns(ids: readonly string[], inUtc: boolean): Column[] {
  return COLUMNS.filter((one) => ids.includes(one.id)).map((one) =>
    inUtc && TIME_COLUMNS.includes(one.id) ? { ...one, ...track(UTC_REM, 0) } : one,
  );
}

function StatusCell({ account }: { account: AccountRow }) {
  const { type, label } = describeStatus(account);
  return (
    <span title={account.failedAttempt ?? account.detail ?? label}>
      <StatusIndicator type={type} wrapText={false}>
        {label}
      </StatusIndicator>
    </span>
  );
}

function LastUseCell({ account }: { account: AccountRow }) {
  const { kinds, lastUsedAt, lastUsedAs, hasDetails } = account;
  if (!kinds?.some((kind) => kind === "password" || kind === "access_keys")) return "–";
  if (lastUsedAt !== null)
    return (
      <span className="tree__value" title={lastUsedAs ?? undefined}>
        <RelativeTime at={lastUsedAt} />, {lastUsedAs}
      </span>
    );
  return hasDetails ? "Never" : "Not read";
}

function KindsCell({ account }: { account: AccountRow }) {
  const label = describeKinds(account.kinds);
  return (
    <span className="tree__value" title={label}>
      {label}
    </span>
  );
}

function RoleLabel({ children }: { children: string }) {
  return (
    <span className="tree__badge">
      <Badge color="blue">{children}</Badge>
    </span>
  );
}

export function RoleBadge({ role }: { role: AccountRow["role"] }) {
  if (role === "management") return <RoleLabel>Management</RoleLabel>;
  if (role === "failsafe") return <RoleLabel>Failsafe</RoleLabel>;
  return null;
}

/** The ids of the visible columns, stored in this browser. */
export function useShownColumns(): [readonly string[], (ids: readonly string[]) => void] {
  const [shown, setShown] = useState<readonly string[]>(readShown);
  const store = (ids: readonly string[]) => {
    setShown(ids);
    localStorage.setItem(STORAGE_KEY, JSON.stringify(ids));
  };
  return [shown, store];
}

function readShown(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "null");
    if (Array.isArray(stored)) return COLUMNS.map((one) => one.id).filter((id) => stored.includes(id));
  } catch {
    // An unreadable choice is treated as no choice.
  }
  return DEFAULT_COLUMNS;
}

interface ColumnPreferencesProps {
  shown: readonly string[];
  onChange: (shown: readonly string[]) => void;
}

const OPTIONS = [
  { id: "name", label: "Name", editable: false },
  ...COLUMNS.map((column) => ({ id: column.id, label: column.header })),
];

export function ColumnPreferences({ shown, onChange }: ColumnPreferencesProps) {
  return (
    <CollectionPreferences
      title="Columns"
      confirmLabel="Confirm"
      cancelLabel="Cancel"
      preferences={{ visibleContent: ["name", ...shown] }}
      visibleContentPreference={{ title: "Stored in this browser", options: [{ label: "Columns", options: OPTIONS }] }}
      onConfirm={({ detail }) => onChange((detail.visibleContent ?? []).filter((id) => id !== "name"))}
    />
  );
}
