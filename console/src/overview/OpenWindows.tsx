/** The open recovery windows, each with its countdown. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import { type TableProps } from "@cloudscape-design/components/table";
import { pageHref } from "../api/place";
import type { Overview, RecoveryWindow } from "../api/records";
import { useFollowLink } from "../components/links";
import { AccountName } from "../organization/AccountField";
import { FittedTable } from "../tables/FittedTable";
import { EmptyText } from "../tables/QueryTable";
import { windowPath } from "../windows/states";
import { TimeLeft, WindowState } from "../windows/WindowState";

export function OpenWindows({ windows }: { windows: Overview["windows"] }) {
  return (
    <FittedTable
      variant="container"
      trackBy="window_id"
      items={windows.open}
      wrapLines
      ariaLabels={{ tableLabel: "Open recovery windows" }}
      header={
        <Header variant="h2" counter={`(${windows.open.length})`} description={describeOthers(windows.by_state)}>
          Open recovery windows
        </Header>
      }
      empty={<EmptyText>No open windows.</EmptyText>}
      columnDefinitions={COLUMNS}
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<RecoveryWindow>[] = [
  { id: "account", header: "Account", cell: (recoveryWindow) => <Account recoveryWindow={recoveryWindow} />, isRowHeader: true, minWidth: 120 },
  { id: "left", header: "Time left", cell: (recoveryWindow) => <Countdown recoveryWindow={recoveryWindow} />, minWidth: 185 },
];

function Account({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  const follow = useFollowLink();
  return (
    <>
      <Link href={pageHref(windowPath(recoveryWindow.window_id))} onFollow={follow}>
        <AccountName accountId={recoveryWindow.account_id} />
      </Link>
      <Box color="text-body-secondary">
        {recoveryWindow.reason}, requested by {recoveryWindow.requested_by}
      </Box>
    </>
  );
}

function Countdown({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  return (
    <>
      <span className="countdown">
        <TimeLeft recoveryWindow={recoveryWindow} />
      </span>
      <div>
        <WindowState recoveryWindow={recoveryWindow} />
      </div>
    </>
  );
}

function describeOthers(byState: { [state: string]: number }): string | undefined {
  const waiting = (byState.REQUESTED ?? 0) + (byState.APPROVED ?? 0);
  return waiting ? `${waiting} more ${waiting === 1 ? "waits" : "wait"} for approval or activation.` : undefined;
}
