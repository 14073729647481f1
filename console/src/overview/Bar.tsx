/** A bar of parts side by side. Its numbers are beside it as text, so screen readers and the Tab key skip the bar. */
import type { MouseEvent } from "react";
import { useNavigate } from "react-router";
import { pageHref, routerPath } from "../api/place";
import "./overview.css";

export interface Part {
  id: string;
  tone: string;
  label: string;
  count: number;
  /** The accounts that the part counts. */
  href?: string;
}

/** @param share The length of the bar, from 0 to 1. */
export function Bar({ parts, share = 1 }: { parts: readonly Part[]; share?: number }) {
  const follow = useFollowPart();
  return (
    <div className="bar" aria-hidden="true">
      <div className="bar__parts" style={{ inlineSize: `${share * 100}%` }}>
        {parts
          .filter(({ count }) => count > 0)
          .map(({ id, tone, label, count, href }) => {
            const shown = { className: `bar__part tone--${tone}`, style: { flexGrow: count }, title: `${label}: ${count.toLocaleString()}` };
            return href ? <a key={id} {...shown} href={pageHref(href)} tabIndex={-1} onClick={follow} /> : <span key={id} {...shown} />;
          })}
      </div>
    </div>
  );
}

/** A small square of the part's colour and pattern. */
export function Swatch({ tone }: { tone: string }) {
  return <span className={`swatch tone--${tone}`} aria-hidden="true" />;
}

/** Follow a plain link within the console, unless the click opens a new tab. */
function useFollowPart(): (event: MouseEvent<HTMLAnchorElement>) => void {
  const navigate = useNavigate();
  return (event) => {
    const href = event.currentTarget.getAttribute("href");
    if (!href || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    void navigate(routerPath(href));
  };
}
