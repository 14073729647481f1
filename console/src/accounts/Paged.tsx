/** A long list, a page at a time. */
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState, type ReactNode } from "react";

const PAGE_SIZE = 25;

interface PagedProps<T> {
  items: readonly T[];
  children: (page: readonly T[]) => ReactNode;
}

export function Paged<T>({ items, children }: PagedProps<T>) {
  const [wanted, setWanted] = useState(1);
  const pages = Math.max(1, Math.ceil(items.length / PAGE_SIZE));
  const page = Math.min(wanted, pages);
  return (
    <SpaceBetween size="xs">
      {children(items.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE))}
      {pages > 1 && (
        <Pagination
          currentPageIndex={page}
          pagesCount={pages}
          onChange={({ detail }) => setWanted(detail.currentPageIndex)}
          ariaLabels={{
            nextPageLabel: "Next page",
            previousPageLabel: "Previous page",
            pageLabel: (number) => `Page ${number} of ${pages}`,
          }}
        />
      )}
    </SpaceBetween>
  );
}
