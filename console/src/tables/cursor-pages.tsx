/** Pages of a list that tells where its next page begins, and not how many there are. */
import Pagination from "@cloudscape-design/components/pagination";
import { useState, type ReactElement } from "react";
import { PAGE_LABELS } from "./pages";

interface CursorPages {
  /** What the page that is shown begins after; `undefined` for the first. */
  after: string | undefined;
  /** The control, once it is known what the next page begins after; none where all is on one page. */
  control: (next: string | null | undefined) => ReactElement | undefined;
  /** Back to the first page, as when a filter changed. */
  begin: () => void;
}

export function useCursorPages(): CursorPages {
  const [place, setPlace] = useState<{ cursors: (string | undefined)[]; index: number }>({ cursors: [undefined], index: 0 });
  const { cursors, index } = place;
  const turn = (to: number, next: string | null | undefined) => {
    if (to < cursors.length) setPlace({ cursors, index: to });
    else if (next) setPlace({ cursors: [...cursors, next], index: cursors.length });
  };
  return {
    after: cursors[index],
    begin: () => setPlace({ cursors: [undefined], index: 0 }),
    control: (next) => {
      const count = Math.max(cursors.length, index + (next ? 2 : 1));
      if (count === 1) return undefined;
      return (
        <Pagination
          currentPageIndex={index + 1}
          pagesCount={count}
          onChange={({ detail }) => turn(detail.currentPageIndex - 1, next)}
          ariaLabels={PAGE_LABELS}
        />
      );
    },
  };
}
