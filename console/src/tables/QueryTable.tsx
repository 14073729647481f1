/** A table of a query: its error with a button to try again, loading, rows, or a text when there are none. */
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { QueryProblem } from "../components/PageFrame";
import { FittedTable } from "./FittedTable";

interface QueryTableProps<T> extends Omit<TableProps<T>, "items" | "loading" | "empty"> {
  query: { error: unknown; isPending: boolean; refetch: () => unknown };
  items: readonly T[] | undefined;
  /** The text when there are no rows. After an error it isn't shown, because the rows are unknown then. */
  empty: ReactNode;
}

export function QueryTable<T>({ query, items = [], empty, ...table }: QueryTableProps<T>) {
  return (
    <SpaceBetween size="m">
      <QueryProblem query={query} />
      <FittedTable
        {...table}
        items={items}
        loading={query.isPending}
        empty={<EmptyText>{query.error ? "The rows couldn't be read." : empty}</EmptyText>}
      />
    </SpaceBetween>
  );
}

export function EmptyText({ children }: { children: ReactNode }) {
  return (
    <Box textAlign="center" color="text-body-secondary">
      {children}
    </Box>
  );
}
