/** The page of recovery windows. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type TableProps } from "@cloudscape-design/components/table";
import { useSearchParams } from "react-router";
import { pageHref } from "../api/place";
import { hasPermission, useMe } from "../api/queries";
import type { RecoveryWindow } from "../api/records";
import { useFollowLink } from "../components/links";
import { PageFrame } from "../components/PageFrame";
import { AccountName, useAccountNames } from "../organization/AccountField";
import { useCursorPages } from "../tables/pages";
import { QueryTable } from "../tables/QueryTable";
import { Timestamp } from "../times/Timestamp";
import { type Group, GROUPS, isPending, needsClosing, recoveryRequestPath, windowPath } from "./states";
import { WindowActions } from "./WindowActions";
import { useWindows } from "./windows";
import { hasBadges, TimeLeft, WindowBadges, WindowState } from "./WindowState";

export default function WindowsPage() {
  const follow = useFollowLink();
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const group = GROUPS.find((recoveryWindow) => recoveryWindow.id === parameters.get("show")) ?? GROUPS[0];
  return (
    <PageFrame
      title="Recovery windows"
      description="While a recovery window is open, the root user password of one account can be recovered. Rootkeeper closes the window automatically, and a re-read proves that no root user credentials are left."
      actions={
        hasPermission(me, "windows:request") && (
          <Button variant="primary" href={pageHref(recoveryRequestPath())} onFollow={follow}>
            Request window
          </Button>
        )
      }
    >
      <SpaceBetween size="m">
        <SegmentedControl
          label="Windows shown"
          selectedId={group.id}
          options={GROUPS.map(({ id, label }) => ({ id, text: label }))}
          onChange={({ detail }) => setParameters({ show: detail.selectedId }, { replace: true })}
        />
        <WindowTable key={group.id} group={group} />
      </SpaceBetween>
    </PageFrame>
  );
}

function WindowTable({ group }: { group: Group }) {
  const pages = useCursorPages();
  const windows = useWindows(group.states, pages.after);
  const { data: me } = useMe();
  const decides = group.states.includes("REQUESTED") && hasPermission(me, "windows:approve");
  return (
    <QueryTable
      query={windows}
      trackBy="window_id"
      items={windows.data?.windows}
      loadingText="Loading windows"
      wrapLines
      ariaLabels={{ tableLabel: `Recovery windows: ${group.label}` }}
      columnDefinitions={decides ? [...COLUMNS, ACTIONS_COLUMN] : COLUMNS}
      empty={group.empty}
      pagination={pages.control(windows.data?.next, windows.data?.total)}
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<RecoveryWindow>[] = [
  { id: "account", header: "Account", cell: (recoveryWindow) => <WindowLink recoveryWindow={recoveryWindow} />, isRowHeader: true, minWidth: 170 },
  { id: "state", header: "State", cell: (recoveryWindow) => <WindowState recoveryWindow={recoveryWindow} />, minWidth: 175 },
  { id: "end", header: "Closes or closed", cell: (recoveryWindow) => <WindowEnd recoveryWindow={recoveryWindow} />, minWidth: 120 },
  { id: "reason", header: "Reason", cell: (recoveryWindow) => recoveryWindow.reason, minWidth: 150 },
  { id: "by", header: "Requested by", cell: (recoveryWindow) => recoveryWindow.requested_by, minWidth: 110 },
  { id: "at", header: "Requested", cell: (recoveryWindow) => <Timestamp at={recoveryWindow.requested_at} />, minWidth: 150 },
  { id: "flags", header: "Flags", cell: (recoveryWindow) => (hasBadges(recoveryWindow) ? <WindowBadges recoveryWindow={recoveryWindow} /> : "–"), minWidth: 130 },
];

const ACTIONS_COLUMN: TableProps.ColumnDefinition<RecoveryWindow> = {
  id: "actions",
  header: "Actions",
  cell: (recoveryWindow) => (isPending(recoveryWindow) ? <Decision recoveryWindow={recoveryWindow} /> : "–"),
  minWidth: 372,
};

/** Approve or deny without opening the window's page. The dialog shows what is approved. */
function Decision({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  const { data: me } = useMe();
  const name = useAccountNames().get(recoveryWindow.account_id);
  if (!me) return <>–</>;
  return <WindowActions recoveryWindow={recoveryWindow} me={me} account={name === undefined ? null : { name }} only={["approve", "deny"]} />;
}

function WindowLink({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  const follow = useFollowLink();
  return (
    <Link href={pageHref(windowPath(recoveryWindow.window_id))} onFollow={follow}>
      <AccountName accountId={recoveryWindow.account_id} />
    </Link>
  );
}

function WindowEnd({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  if (recoveryWindow.closed_at) return <Timestamp at={recoveryWindow.closed_at} />;
  if (needsClosing(recoveryWindow))
    return (
      <>
        <Timestamp at={recoveryWindow.expires_at} />
        <Box color="text-body-secondary">
          <TimeLeft recoveryWindow={recoveryWindow} /> left
        </Box>
      </>
    );
  if (recoveryWindow.lapses_at && (recoveryWindow.state === "REQUESTED" || recoveryWindow.state === "APPROVED"))
    return (
      <>
        lapses <Timestamp at={recoveryWindow.lapses_at} />
      </>
    );
  return <>–</>;
}
