/** Pages of a list that is here as a whole. */
import Pagination, { type PaginationProps } from "@cloudscape-design/components/pagination";
import { useState, type ReactElement } from "react";

export const PAGE_LABELS: PaginationProps.Labels = {
  nextPageLabel: "Next page",
  previousPageLabel: "Previous page",
  pageLabel: (page) => `Page ${page}`,
};

interface Pages<T> {
  /** What is on the page that is shown. */
  shown: readonly T[];
  /** None where all is on one page. */
  control: ReactElement | undefined;
  /** Back to the first page, as when a filter changed. */
  begin: () => void;
}

export function usePages<T>(items: readonly T[], size = 25): Pages<T> {
  const [wanted, setWanted] = useState(1);
  const count = Math.max(1, Math.ceil(items.length / size));
  const page = Math.min(wanted, count);
  return {
    shown: items.slice((page - 1) * size, page * size),
    control:
      count === 1 ? undefined : (
        <Pagination
          currentPageIndex={page}
          pagesCount={count}
          onChange={({ detail }) => setWanted(detail.currentPageIndex)}
          ariaLabels={PAGE_LABELS}
        />
      ),
    begin: () => setWanted(1),
  };
}
