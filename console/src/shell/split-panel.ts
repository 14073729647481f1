/** The panel beside a page, such as the details of the account that is chosen. */
import { createContext, useContext, useEffect, type ReactElement } from "react";

export const SplitPanelContext = createContext<{ show(panel: ReactElement | null): void }>({ show: () => undefined });

/** Show a Cloudscape `SplitPanel` as long as the calling component is there. Memoize it: each new one is shown anew. */
export function useSplitPanel(panel: ReactElement | null): void {
  const { show } = useContext(SplitPanelContext);
  useEffect(() => show(panel), [panel, show]);
  useEffect(() => () => show(null), [show]);
}
