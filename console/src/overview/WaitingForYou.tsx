/** What waits for this user: approvals, windows to open or to close, reviews, exceptions that end. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { type TableProps } from "@cloudscape-design/components/table";
import { pageHref } from "../api/place";
import { hasPermission, useMe } from "../api/queries";
import type { DeletionException, Me, Overview, RecoveryWindow } from "../api/records";
import { useFollowLink } from "../components/links";
import { QueryPlaceholder, QueryProblem } from "../components/PageFrame";
import { endsSoon, useExceptions } from "../exceptions/exceptions";
import { AccountName } from "../organization/AccountField";
import { FittedTable } from "../tables/FittedTable";
import { RelativeTime, useNow } from "../times/Timestamp";
import { needsReview, windowPath } from "../windows/states";
import { canApprove } from "../windows/WindowActions";

/** A window that closes within this time is shown to the people who may extend or close it. */
const ENDS_SOON_MILLISECONDS = 30 * 60_000;
const REFRESH_MILLISECONDS = 10_000;

interface WaitingItem {
  id: string;
  type: StatusIndicatorProps.Type;
  what: string;
  accountId: string;
  at: string | null;
  action: string;
  href: string;
}

export function WaitingForYou({ overview }: { overview: Overview }) {
  const { data: me } = useMe();
  const now = useNow(REFRESH_MILLISECONDS);
  const exceptions = useExceptions();
  if (!me) return null;
  const items = [...listWindows(overview, me, now), ...listExceptions([...exceptions.byAccount.values()], now)];
  if (items.length > 0)
    return (
      <SpaceBetween size="m">
        <WaitingTable items={items} />
        {exceptions.error && <QueryProblem query={exceptions} />}
      </SpaceBetween>
    );
  return (
    <Container header={<Header variant="h2">Waiting for you</Header>}>
      {exceptions.isSuccess ? "Nothing waits for you." : <QueryPlaceholder query={exceptions} height="1.25rem" />}
    </Container>
  );
}

function WaitingTable({ items }: { items: readonly WaitingItem[] }) {
  return (
    <FittedTable
      variant="container"
      trackBy="id"
      items={items}
      wrapLines
      ariaLabels={{ tableLabel: "Waiting for you" }}
      header={
        <Header variant="h2" counter={`(${items.length})`}>
          Waiting for you
        </Header>
      }
      columnDefinitions={COLUMNS}
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<WaitingItem>[] = [
  { id: "what", header: "Task", cell: (item) => <Task item={item} />, isRowHeader: true, minWidth: 180 },
  { id: "account", header: "Account", cell: (item) => <AccountName accountId={item.accountId} />, minWidth: 160 },
  { id: "at", header: "When", cell: (item) => <RelativeTime at={item.at} />, minWidth: 130 },
  { id: "actions", header: "Actions", cell: (item) => <ActionButton item={item} />, minWidth: 130 },
];

function Task({ item }: { item: WaitingItem }) {
  return <StatusIndicator type={item.type}>{item.what}</StatusIndicator>;
}

function ActionButton({ item }: { item: WaitingItem }) {
  const follow = useFollowLink();
  return (
    <Button href={pageHref(item.href)} onFollow={follow} ariaLabel={`${item.action}: ${item.what}, account ${item.accountId}`}>
      {item.action}
    </Button>
  );
}

function listWindows({ windows }: Overview, me: Me, now: number): WaitingItem[] {
  return [...windows.open, ...windows.waiting].flatMap((recoveryWindow) => {
    const found = describeWindow(recoveryWindow, me, now);
    if (!found) return [];
    const { window_id: id, account_id: accountId } = recoveryWindow;
    return [{ ...found, id: `${id} ${found.what}`, accountId, href: windowPath(id) }];
  });
}

/** What this user can do for a window now, the most urgent first; `null` if nothing. */
function describeWindow(one: RecoveryWindow, me: Me, now: number): Pick<WaitingItem, "type" | "what" | "at" | "action"> | null {
  const may = (permission: Parameters<typeof hasPermission>[1]) => hasPermission(me, permission);
  if (one.state === "CLOSE_FAILED" && may("windows:close"))
    return { type: "error", what: "Closing failed", at: one.expires_at, action: "Close" };
  if (needsReview(one) && may("windows:review"))
    return { type: "warning", what: "Review an emergency", at: one.review_due_at, action: "Review" };
  if (one.state === "REQUESTED" && canApprove(one, me))
    return { type: "pending", what: "Approve a request", at: one.requested_at, action: "Review" };
  if (one.state === "APPROVED" && may("windows:activate"))
    return { type: "pending", what: "Open an approved window", at: one.lapses_at, action: "Open" };
  const end = one.expires_at === null ? null : new Date(one.expires_at).getTime();
  if (one.state === "OPEN" && end !== null && end - now < ENDS_SOON_MILLISECONDS && (may("windows:close") || may("windows:extend")))
    return { type: "info", what: "A window closes soon", at: one.expires_at, action: "Show" };
  return null;
}

function listExceptions(exceptions: readonly DeletionException[], now: number): WaitingItem[] {
  return exceptions
    .filter((one) => endsSoon(one, now))
    .map((one) => ({
      id: `exception ${one.account_id}`,
      type: "info",
      what: `Exception of ${one.owner} ends`,
      accountId: one.account_id,
      at: one.until,
      action: "Show",
      href: `/accounts?account=${one.account_id}`,
    }));
}

/** How many requests this user can approve now. */
export function countApprovals(overview: Overview | undefined, me: Me | undefined): number {
  if (!overview || !me) return 0;
  return overview.windows.waiting.filter((one) => one.state === "REQUESTED" && canApprove(one, me)).length;
}
