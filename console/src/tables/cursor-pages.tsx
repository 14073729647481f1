/** Pages of a list that tells where its next page begins, and not how many there are. */
import Pagination from "@cloudscape-design/components/pagination";
import { useState, type ReactElement } from "react";
import { PAGE_LABELS } from "./pages";

interface CursorPages {
  /** What the page that is shown begins after; `undefined` for the first. */
  after: string | undefined;
  /** The control, once it is known what the next page begins after; none where all is on one page. */
  control: (next: string | null | undefined) => ReactElement | undefined;
}

interface Place {
  list: string;
  cursors: (string | undefined)[];
  index: number;
}

/** `list` names what is listed: another one, such as by another filter, is shown from its first page on. */
export function useCursorPages(list = ""): CursorPages {
  const first = { list, cursors: [undefined], index: 0 };
  const [place, setPlace] = useState<Place>(first);
  const { cursors, index } = place.list === list ? place : first;
  const turn = (to: number, next: string | null | undefined) => {
    if (to < cursors.length) setPlace({ list, cursors, index: to });
    else if (next) setPlace({ list, cursors: [...cursors, next], index: cursors.length });
  };
  return {
    after: cursors[index],
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
