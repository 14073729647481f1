/** Clicks on the parts of a bar. */
import type { MouseEvent } from "react";
import { useNavigate } from "react-router";

/** Follow a plain link within the console, unless the click opens a new tab. */
export function useFollowPart(): (event: MouseEvent<HTMLAnchorElement>) => void {
  const navigate = useNavigate();
  return (event) => {
    const href = event.currentTarget.getAttribute("href");
    if (!href || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    void navigate(href);
  };
}
