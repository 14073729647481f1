/** Pagination: of a list in memory, and of a list that the server returns page by page. */
import Box from "@cloudscape-design/components/box";
import { PAGE_ROWS } from "../api/client";
import Pagination, { type PaginationProps } from "@cloudscape-design/components/pagination";
import { type ReactElement, useState } from "react";

const PAGE_LABELS: PaginationProps.Labels = {
  nextPageLabel: "Next page",
  previousPageLabel: "Previous page",
  pageLabel: (page) => `Page ${page}`,
};

interface Pages<T> {
  /** The items of the current page. */
  shown: readonly T[];
  /** Absent if there is only one page. */
  control: ReactElement | undefined;
  /** Return to the first page, for example when a filter changed. */
  reset: () => void;
}

export function usePages<T>(items: readonly T[], size = 25): Pages<T> {
  const [requested, setWanted] = useState(1);
  const count = Math.max(1, Math.ceil(items.length / size));
  const page = Math.min(requested, count);
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
    reset: () => setWanted(1),
  };
}

interface CursorPages {
  /** The cursor of the current page; `undefined` for the first. */
  after: string | undefined;
  /** The pagination control, given the cursor of the next page, and the number of all rows once it is known. Absent if there is only one page. */
  control: (next: string | null | undefined, total: number | undefined) => ReactElement | undefined;
}

interface CursorPosition {
  list: string;
  cursors: (string | undefined)[];
  index: number;
}

/**
 * `list` identifies the list, for example by its filter. A new list starts at its first page.
 *
 * `size` is the number of rows that the server returns as a page.
 */
export function useCursorPages(list = "", size = PAGE_ROWS): CursorPages {
  const first = { list, cursors: [undefined], index: 0 };
  const [position, setPlace] = useState<CursorPosition>(first);
  const { cursors, index } = position.list === list ? position : first;
  const goToPage = (to: number, next: string | null | undefined) => {
    if (to < cursors.length) setPlace({ list, cursors, index: to });
    else if (next) setPlace({ list, cursors: [...cursors, next], index: cursors.length });
  };
  return {
    after: cursors[index],
    control: (next, total) => {
      const count = Math.max(cursors.length, index + (next ? 2 : 1));
      if (count === 1) return undefined;
      return (
        <div className="pages">
          {total !== undefined && (
            <Box color="text-body-secondary">
              Page {(index + 1).toLocaleString()} of {Math.ceil(total / size).toLocaleString()}
            </Box>
          )}
          <Pagination
            currentPageIndex={index + 1}
            pagesCount={count}
            onChange={({ detail }) => goToPage(detail.currentPageIndex - 1, next)}
            ariaLabels={PAGE_LABELS}
          />
        </div>
      );
    },
  };
}
