/** The panel beside a page, such as the details of the account that is chosen. */
import { createContext, useContext, useEffect, type ReactElement } from "react";

interface SplitPanelPlace {
  show(panel: ReactElement | null, onClosed?: () => void): void;
}

export const SplitPanelContext = createContext<SplitPanelPlace>({ show: () => undefined });

/**
 * Show a Cloudscape `SplitPanel` as long as the calling component is there. Memoize both: each new one is shown anew.
 *
 * `onClosed` takes the choice away that it was shown for, so that the same thing can be chosen again.
 */
export function useSplitPanel(panel: ReactElement | null, onClosed: () => void): void {
  const { show } = useContext(SplitPanelContext);
  useEffect(() => show(panel, onClosed), [panel, onClosed, show]);
  useEffect(() => () => show(null), [show]);
}
