/** The width of an element, for what is drawn differently where there is little room. */
import { type RefObject, useLayoutEffect, useState } from "react";

/** In pixels, also after the window or a panel beside the element changed; 0 before the element is drawn. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!element.current) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    setWidth(element.current.getBoundingClientRect().width);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
