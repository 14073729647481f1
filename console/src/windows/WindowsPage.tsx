/** Recovery windows: those that wait, those that are open, and those that are over. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useSearchParams } from "react-router";
import { may, useMe } from "../api/queries";
import type { RecoveryWindow } from "../api/records";
import { Headed } from "../shell/Headed";
import { useFollow } from "../shell/links";
import { ProblemAlert } from "../shell/ProblemAlert";
import { useCursorPages } from "../tables/cursor-pages";
import { Empty } from "../tables/Empty";
import { Moment } from "../times/Moment";
import { AccountName } from "./AccountName";
import { requestAddress, windowAddress } from "./addresses";
import { GROUPS, owesClosing, type Group } from "./states";
import { TimeLeft } from "./TimeLeft";
import { StateOf, WindowBadges } from "./WindowBadges";
import { useWindows } from "./windows";

export default function WindowsPage() {
  const follow = useFollow();
  const { data: me } = useMe();
  const [parameters, setParameters] = useSearchParams();
  const group = GROUPS.find((one) => one.id === parameters.get("show")) ?? GROUPS[0];
  return (
    <Headed
      title="Recovery windows"
      description="The time for which a root user's password can be recovered in one account. Each closes itself at its end, and a re-read shows that nothing is left."
      actions={
        may(me, "windows:request") && (
          <Button variant="primary" href={requestAddress()} onFollow={follow}>
            Request a window
          </Button>
        )
      }
    >
      <SpaceBetween size="m">
        <SegmentedControl
          label="Which windows"
          selectedId={group.id}
          options={GROUPS.map(({ id, label }) => ({ id, text: label }))}
          onChange={({ detail }) => setParameters({ show: detail.selectedId }, { replace: true })}
        />
        <WindowTable key={group.id} group={group} />
      </SpaceBetween>
    </Headed>
  );
}

function WindowTable({ group }: { group: Group }) {
  const pages = useCursorPages();
  const windows = useWindows(group.states, pages.after);
  return (
    <SpaceBetween size="m">
      <ProblemAlert error={windows.error} onRetry={() => void windows.refetch()} />
      <Table
        trackBy="window_id"
        items={windows.data?.windows ?? []}
        loading={windows.isPending}
        loadingText="Loading windows"
        wrapLines
        ariaLabels={{ tableLabel: `Recovery windows: ${group.label}` }}
        columnDefinitions={COLUMNS}
        empty={
          <Empty error={windows.error}>{group.empty}</Empty>
        }
        pagination={pages.control(windows.data?.next)}
      />
    </SpaceBetween>
  );
}

const COLUMNS: TableProps.ColumnDefinition<RecoveryWindow>[] = [
  { id: "account", header: "Account", cell: (one) => <WindowLink one={one} />, isRowHeader: true, minWidth: 170 },
  { id: "state", header: "State", cell: (one) => <StateOf one={one} />, minWidth: 150 },
  { id: "flags", header: "To know", cell: (one) => <WindowBadges one={one} none="–" />, minWidth: 130 },
  { id: "reason", header: "Reason", cell: (one) => one.reason, minWidth: 180 },
  { id: "by", header: "Requested by", cell: (one) => one.requested_by, minWidth: 110 },
  { id: "at", header: "Requested", cell: (one) => <Moment at={one.requested_at} />, minWidth: 150 },
  { id: "end", header: "Ends or ended", cell: (one) => <End one={one} />, minWidth: 150 },
];

function WindowLink({ one }: { one: RecoveryWindow }) {
  const follow = useFollow();
  return (
    <Link href={windowAddress(one.window_id)} onFollow={follow}>
      <AccountName accountId={one.account_id} />
    </Link>
  );
}

function End({ one }: { one: RecoveryWindow }) {
  if (one.closed_at) return <Moment at={one.closed_at} />;
  if (owesClosing(one))
    return (
      <>
        <Moment at={one.expires_at} />
        <Box color="text-body-secondary">
          <TimeLeft one={one} /> left
        </Box>
      </>
    );
  if (one.lapses_at && (one.state === "REQUESTED" || one.state === "APPROVED"))
    return (
      <>
        lapses <Moment at={one.lapses_at} />
      </>
    );
  return <>–</>;
}
