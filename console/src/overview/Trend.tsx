/** The last 90 days: root logins left to secure, unknown accounts and opened windows, as a chart and as a table. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import MixedLineBarChart from "@cloudscape-design/components/mixed-line-bar-chart";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, unwrap } from "../api/client";
import { hasPermission, useMe } from "../api/queries";
import type { TrendDay } from "../api/records";
import { QueryPlaceholder } from "../components/PageFrame";
import { usePages } from "../tables/pages";

const CHART_PIXELS = 220;
const DAY_MILLISECONDS = 86_400_000;

export function Trend() {
  const { data: me } = useMe();
  const trend = useQuery({
    queryKey: ["overview", "trend"],
    queryFn: () => unwrap(api.GET("/api/v1/overview/trend")),
    enabled: hasPermission(me, "history:read"),
  });
  return (
    <Container
      header={
        <Header variant="h2" description="Root logins by the last audit of the whole organization on each day. Days are in UTC.">
          Last 90 days
        </Header>
      }
    >
      {trend.data ? <TrendChart days={trend.data.days} /> : <QueryPlaceholder query={trend} height="14rem" />}
    </Container>
  );
}

function TrendChart({ days }: { days: TrendDay[] }) {
  const dated = useMemo(() => days.map((one) => ({ ...one, date: new Date(`${one.day}T00:00:00Z`) })), [days]);
  const audited = dated.filter((one) => one.left_known !== null);
  const first = dated[0]?.date;
  const last = dated.at(-1)?.date;
  if (!first || !last) return null;
  /** The last reading holds until the end of today. */
  const end = new Date(last.getTime() + DAY_MILLISECONDS);
  const draw = (read: (day: TrendDay) => number | null) => {
    const points = audited.map((one) => ({ x: one.date, y: read(one) ?? 0 }));
    const latest = points.at(-1);
    return latest ? [...points, { x: end, y: latest.y }] : [];
  };
  const opened = dated.filter((one) => one.windows_opened > 0);
  if (audited.length === 0 && opened.length === 0)
    return <Box color="text-body-secondary">No audit of the whole organization and no recovery window in the last 90 days.</Box>;
  const largest = Math.max(4, ...dated.flatMap((one) => [one.left_known ?? 0, one.left_unknown ?? 0, one.left_unread ?? 0, one.windows_opened]));
  return (
    <SpaceBetween size="s">
      <MixedLineBarChart
        height={CHART_PIXELS}
        xScaleType="time"
        xDomain={[first, end]}
        yDomain={[0, largest]}
        xTitle="Day"
        yTitle="Count"
        ariaLabel="Root logins left to secure, unknown and unread accounts, and opened windows in the last 90 days"
        hideFilter
        series={[
          { type: "line", title: "Root logins left", data: draw((day) => day.left_known) },
          { type: "line", title: "Unknown", data: draw((day) => day.left_unknown) },
          { type: "line", title: "Unread", data: draw((day) => day.left_unread) },
          { type: "line", title: "Windows opened", data: dated.map((one) => ({ x: one.date, y: one.windows_opened })) },
        ]}
        xTickFormatter={(date) => renderDay(date)}
        i18nStrings={{ legendAriaLabel: "Legend", chartAriaRoleDescription: "line chart", xTickFormatter: renderDay }}
      />
      <ExpandableSection headerText="Show as table">
        <TrendTable days={days} />
      </ExpandableSection>
    </SpaceBetween>
  );
}

function TrendTable({ days }: { days: TrendDay[] }) {
  const filled = useMemo(() => days.filter((one) => one.left_known !== null || one.windows_opened > 0).reverse(), [days]);
  const pages = usePages(filled);
  return (
    <Table
      variant="embedded"
      trackBy="day"
      items={pages.shown}
      pagination={pages.control}
      ariaLabels={{ tableLabel: "Days with an audit or an opened window" }}
      empty={<Box textAlign="center">No audit and no window in the last 90 days.</Box>}
      columnDefinitions={[
        { id: "day", header: "Day", cell: (one) => one.day, isRowHeader: true },
        { id: "left", header: "Root logins left", cell: (one) => renderCount(one.left_known) },
        { id: "unknown", header: "Unknown", cell: (one) => renderCount(one.left_unknown) },
        { id: "unread", header: "Unread", cell: (one) => renderCount(one.left_unread) },
        { id: "windows", header: "Windows opened", cell: (one) => one.windows_opened.toLocaleString() },
      ]}
    />
  );
}

function renderCount(count: number | null): string {
  return count === null ? "No audit" : count.toLocaleString();
}

function renderDay(date: Date): string {
  return date.toLocaleDateString("en", { month: "short", day: "numeric", timeZone: "UTC" });
}
