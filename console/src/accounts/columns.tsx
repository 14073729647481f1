/** The columns of the tree, and which of them this browser shows. */
import Badge from "@cloudscape-design/components/badge";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState, type ReactNode } from "react";
import { Ago } from "../times/Moment";
import { flagOf, nameKinds } from "./flags";
import { listTags } from "./filter";
import type { AccountRow } from "./listing";

export interface Column {
  id: string;
  header: string;
  /** As a track of a CSS grid. */
  track: string;
  /** Of its narrowest track, in rem. */
  rem: number;
  cell: (account: AccountRow) => ReactNode;
}

export const COLUMNS: readonly Column[] = [
  { id: "status", header: "Root user credentials", ...track(16, 1.5), cell: (account) => <Flag account={account} /> },
  { id: "kinds", header: "What was found", ...track(14, 1), cell: (account) => <Kinds account={account} /> },
  { id: "account_id", header: "Account id", ...track(9, 0), cell: (account) => account.account_id },
  { id: "email", header: "Root e-mail", ...track(15, 1), cell: (account) => account.email },
  { id: "state", header: "State", ...track(7, 0), cell: (account) => account.state },
  { id: "observed", header: "Last read", ...track(8.5, 0), cell: (account) => <Ago at={account.observedAt} /> },
  { id: "tags", header: "Tags", ...track(12, 1), cell: (account) => (account.tags ? listTags(account).join(", ") : "not read") },
];

/** A moment in UTC; its age is shorter. */
const UTC_REM = 11.5;
const KEY = "rootkeeper.accounts.columns";
const USUAL: readonly string[] = ["status", "kinds", "account_id", "observed"];

function track(rem: number, share: number): { track: string; rem: number } {
  return { rem, track: share ? `minmax(${rem}rem, ${share}fr)` : `${rem}rem` };
}

/** The columns of those ids, in their order. */
export function pickColumns(ids: readonly string[], inUtc: boolean): Column[] {
  return COLUMNS.filter((one) => ids.includes(one.id)).map((one) =>
    one.id === "observed" && inUtc ? { ...one, ...track(UTC_REM, 0) } : one,
  );
}

function Flag({ account }: { account: AccountRow }) {
  const { type, words } = flagOf(account);
  return (
    <span title={account.detail ?? undefined}>
      <StatusIndicator type={type} wrapText={false}>
        {words}
      </StatusIndicator>
    </span>
  );
}

function Kinds({ account }: { account: AccountRow }) {
  const words = nameKinds(account.kinds);
  return <span title={words}>{words}</span>;
}

export function RoleBadge({ role }: { role: AccountRow["role"] }) {
  if (role === "management") return <Badge color="blue">Management account</Badge>;
  if (role === "failsafe") return <Badge color="blue">Failsafe</Badge>;
  return null;
}

/** Ids of the columns that are shown; kept in this browser. */
export function useShownColumns(): [readonly string[], (ids: readonly string[]) => void] {
  const [shown, setShown] = useState<readonly string[]>(readShown);
  const choose = (ids: readonly string[]) => {
    setShown(ids);
    localStorage.setItem(KEY, JSON.stringify(ids));
  };
  return [shown, choose];
}

function readShown(): readonly string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (Array.isArray(kept)) return COLUMNS.map((one) => one.id).filter((id) => kept.includes(id));
  } catch {
    // What can't be read is as good as nothing.
  }
  return USUAL;
}
