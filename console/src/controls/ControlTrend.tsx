/** How a control was judged at earlier times: over the period, and at the last report. */
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type TableProps } from "@cloudscape-design/components/table";
import { useState } from "react";
import { pageHref } from "../api/place";
import type { Assessment, ControlDocument, JudgedAccount } from "../api/records";
import { useFollowLink } from "../components/links";
import { QueryPlaceholder } from "../components/PageFrame";
import { VERDICT_ORDER, VerdictIndicator, VERDICTS } from "../components/verdicts";
import { QueryTable } from "../tables/QueryTable";
import { type Days, useLastReport } from "../times/periods";
import { renderUtc } from "../times/format";
import { Timestamp } from "../times/Timestamp";
import { CHECKS, controlHref, type ControlPath } from "./controls";
import { type AccountChange, compareAccounts, useSinceReport, useTrend } from "./trend";
import { VerdictLabel } from "./VerdictLabel";

interface TrendProps {
  path: ControlPath;
  days: Days;
  judged: ControlDocument;
}

interface Point {
  end: string;
  control: Assessment;
  /** `null` for the judgement that the page shows. */
  days: Days | null;
}

export function Trend({ path, days, judged }: TrendProps) {
  const [isShown, setShown] = useState(false);
  const follow = useFollowLink();
  const found = useTrend(path, days, isShown);
  const points: Point[] = [
    { end: judged.period.to, control: judged.control, days: null },
    ...(found.data ?? []).map((one) => ({ end: one.judged.period.to, control: one.judged.control, days: one.days })),
  ];
  return (
    <ExpandableSection
      variant="container"
      headerText="Trend"
      headerDescription="The control judged at earlier times of the period, each over as many days as the period has. Judging takes a while."
      expanded={isShown}
      onChange={({ detail }) => setShown(detail.expanded)}
    >
      {isShown && (
        <QueryTable
          query={found}
          variant="borderless"
          items={found.data && points}
          trackBy="end"
          wrapLines
          loadingText="Judging the control at earlier times"
          empty="The period has no earlier time."
          ariaLabels={{ tableLabel: "Trend of the control" }}
          columnDefinitions={[
            {
              id: "end",
              header: "Judged as of",
              cell: (one) =>
                one.days ? (
                  <Link href={pageHref(controlHref(path, { from: one.days.first, to: one.days.last }))} onFollow={follow}>
                    <Timestamp at={one.end} />
                  </Link>
                ) : (
                  <Timestamp at={one.end} />
                ),
              isRowHeader: true,
              minWidth: 180,
            },
            { id: "verdict", header: "Verdict", cell: (one) => <VerdictLabel assessment={one.control} />, minWidth: 130 },
            { id: "accounts", header: "Results for accounts", cell: (one) => countAccounts(one.control), minWidth: 220 },
          ]}
        />
      )}
    </ExpandableSection>
  );
}

/** Such as "2 fail, 24 pass", over all checks of the control. */
function countAccounts({ checks }: Assessment): string {
  const total = (verdict: (typeof VERDICT_ORDER)[number]) => checks.reduce((sum, check) => sum + check.accounts[verdict], 0);
  return (
    VERDICT_ORDER.filter((verdict) => total(verdict) > 0)
      .map((verdict) => `${total(verdict).toLocaleString()} ${VERDICTS[verdict].label.toLowerCase()}`)
      .join(", ") || "–"
  );
}

export function SinceReport({ path }: { path: ControlPath }) {
  const [isShown, setShown] = useState(false);
  const lastReport = useLastReport();
  const reportedAt = lastReport.data ?? null;
  const found = useSinceReport(path, reportedAt, isShown);
  return (
    <ExpandableSection
      variant="container"
      headerText="Changes since the last report"
      headerDescription={describeReport(lastReport)}
      expanded={isShown}
      onChange={({ detail }) => setShown(detail.expanded)}
    >
      {isShown && reportedAt && !found.data && <QueryPlaceholder query={found} height="10rem" />}
      {isShown && !reportedAt && "Reports that schedules or the command line send are recorded. Downloads aren't."}
      {isShown && found.data && <Changes then={found.data.then} now={found.data.now} />}
    </ExpandableSection>
  );
}

function describeReport({ data, isLoading }: ReturnType<typeof useLastReport>): string {
  if (data) return `The last report was sent on ${renderUtc(data)}. Compares the 90 days before it with the time since. Judging takes a while.`;
  if (data === null) return "No report was sent yet.";
  return isLoading ? "Looking for the last report" : "The last report couldn't be found.";
}

function Changes({ then, now }: { then: ControlDocument; now: ControlDocument }) {
  const changes = compareAccounts(then, now);
  return (
    <SpaceBetween size="l">
      <KeyValuePairs
        columns={3}
        items={[
          { label: "Verdict at the report", value: <VerdictLabel assessment={then.control} /> },
          { label: "Verdict since the report", value: <VerdictLabel assessment={now.control} /> },
          { label: "Results for accounts", value: `${countAccounts(then.control)} → ${countAccounts(now.control)}` },
        ]}
      />
      {changes === null ? (
        <Box color="text-body-secondary">There are too many accounts to compare each one here.</Box>
      ) : (
        <QueryTable
          query={COMPARED}
          variant="borderless"
          items={changes}
          trackBy={(one) => `${one.check} ${one.account.account_id}`}
          wrapLines
          empty="No account changed."
          ariaLabels={{ tableLabel: "Accounts that changed since the last report" }}
          header={
            <Header variant="h3" counter={`(${changes.length.toLocaleString()})`}>
              Accounts that changed
            </Header>
          }
          columnDefinitions={CHANGE_COLUMNS}
        />
      )}
    </SpaceBetween>
  );
}

const COMPARED = { error: null, isPending: false, refetch: () => undefined };

const CHANGE_COLUMNS: TableProps.ColumnDefinition<AccountChange>[] = [
  { id: "account", header: "Account", cell: ({ account }) => `${account.name || account.account_id} (${account.account_id})`, isRowHeader: true, minWidth: 180 },
  { id: "check", header: "Check", cell: ({ check }) => CHECKS[check], minWidth: 140 },
  { id: "before", header: "At the report", cell: ({ before }) => <VerdictThen verdict={before} />, minWidth: 130 },
  { id: "now", header: "Since the report", cell: ({ now }) => <VerdictThen verdict={now} />, minWidth: 130 },
];

function VerdictThen({ verdict }: { verdict: JudgedAccount["verdict"] | null }) {
  return verdict ? <VerdictIndicator verdict={verdict} /> : <>Nothing to look at</>;
}
