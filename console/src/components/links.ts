/** Links between pages, and the split panel of a page. */
import { createContext, type ReactElement, useContext, useEffect } from "react";
import { useNavigate } from "react-router";
import { routerPath } from "../api/place";

interface FollowEvent {
  preventDefault(): void;
  detail: { href?: string; external?: boolean };
}

export function useFollowLink(): (event: FollowEvent) => void {
  const navigate = useNavigate();
  return (event) => {
    const { href, external } = event.detail;
    if (external || !href?.startsWith("/") || href.startsWith("/api/")) return;
    event.preventDefault();
    void navigate(routerPath(href));
  };
}

interface SplitPanelControl {
  show(panel: ReactElement | null, onClosed?: () => void): void;
}

export const SplitPanelContext = createContext<SplitPanelControl>({ show: () => undefined });

/**
 * Show a Cloudscape `SplitPanel` while the calling component is mounted. Memoize both arguments: a new one opens the panel again.
 *
 * `onClosed` clears the selection that the panel shows, so that the same item can be selected again.
 */
export function useSplitPanel(panel: ReactElement | null, onClosed: () => void): void {
  const { show } = useContext(SplitPanelContext);
  useEffect(() => show(panel, onClosed), [panel, onClosed, show]);
  useEffect(() => () => show(null), [show]);
}

/** The page of a job. */
export function jobPath(jobId: string): string {
  return `/jobs/${encodeURIComponent(jobId)}`;
}
