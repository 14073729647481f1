/** Root logins left to secure since the first day with data, with deletions and opened windows marked: a picture and a table. */
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, unwrap } from "../api/client";
import { hasPermission, useMe } from "../api/queries";
import type { Overview, TrendDay } from "../api/records";
import { QueryPlaceholder } from "../components/PageFrame";
import { FittedTable } from "../tables/FittedTable";
import { usePages } from "../tables/pages";
import { findFirstDay, hasData } from "./trend";
import { TrendPicture } from "./TrendPicture";

/** A day or a number needs less room than a text. */
const LEAST_PIXELS = 90;

type Left = Overview["root_logins_left_to_secure"];

/** @param left The numbers of the headline, with which the picture ends. */
export function Trend({ left }: { left: Left }) {
  const { data: me } = useMe();
  const trend = useQuery({
    queryKey: ["overview", "trend"],
    queryFn: () => unwrap(api.GET("/api/v1/overview/trend")),
    enabled: hasPermission(me, "history:read"),
  });
  if (!hasPermission(me, "history:read")) return null;
  return trend.data ? <Days days={trend.data.days} left={left} /> : <QueryPlaceholder query={trend} height="14rem" />;
}

function Days({ days, left }: { days: readonly TrendDay[]; left: Left }) {
  const known = useMemo(() => days.slice(findFirstDay(days)), [days]);
  if (known.length === 0) return null;
  return (
    <div>
      <TrendPicture days={known} left={left} />
      <ExpandableSection headerText="Show as table">
        <TrendTable days={known} />
      </ExpandableSection>
    </div>
  );
}

function TrendTable({ days }: { days: readonly TrendDay[] }) {
  const filled = useMemo(() => days.filter(hasData).reverse(), [days]);
  const pages = usePages(filled);
  return (
    <FittedTable
      variant="embedded"
      trackBy="day"
      items={pages.shown}
      pagination={pages.control}
      wrapLines
      ariaLabels={{ tableLabel: "Days with an audit, a deletion or an opened window" }}
      header={<Box color="text-body-secondary">By the last audit of all accounts on each day, in UTC.</Box>}
      columnDefinitions={[
        { id: "day", header: "Day", cell: (one) => <span className="whole">{one.day}</span>, isRowHeader: true, minWidth: LEAST_PIXELS },
        { id: "left", header: "Root logins left", cell: (one) => renderCount(one.left_known), minWidth: LEAST_PIXELS },
        { id: "unknown", header: "Unknown", cell: (one) => renderCount(one.left_unknown), minWidth: LEAST_PIXELS },
        { id: "unread", header: "Unread", cell: (one) => renderCount(one.left_unread), minWidth: LEAST_PIXELS },
        { id: "deletions", header: "Deletions", cell: (one) => one.deletions.toLocaleString(), minWidth: LEAST_PIXELS },
        { id: "windows", header: "Windows opened", cell: (one) => one.windows_opened.toLocaleString(), minWidth: LEAST_PIXELS },
      ]}
    />
  );
}

function renderCount(count: number | null): string {
  return count === null ? "No audit" : count.toLocaleString();
}
