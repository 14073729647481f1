/** Links within the console, without loading it again; with a modifier key they open a tab as anywhere. */
import { useNavigate } from "react-router";

interface FollowEvent {
  preventDefault(): void;
  detail: { href?: string; external?: boolean };
}

export function useFollow(): (event: FollowEvent) => void {
  const navigate = useNavigate();
  return (event) => {
    const { href, external } = event.detail;
    if (external || !href?.startsWith("/") || href.startsWith("/api/")) return;
    event.preventDefault();
    void navigate(href);
  };
}
