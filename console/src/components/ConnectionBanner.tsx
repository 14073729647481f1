/** Banners above every page: the sandbox, and a lost connection. */
import { isConnected } from "../api/connection";
import { useObservable } from "../api/observable";
import type { Me } from "../api/records";

type SandboxInfo = Pick<Me, "is_sandbox" | "endpoint"> & { people_url?: string | null };

export function SandboxBanner({ me }: { me: SandboxInfo }) {
  if (!me.is_sandbox) return null;
  return (
    <div className="banner banner--sandbox" role="note" aria-label="Sandbox">
      {me.endpoint}. Nothing here reaches AWS.{" "}
      {me.people_url && (
        <a href={me.people_url} target="_blank" rel="noreferrer">
          Sandbox sign-in pages and mailbox (opens a new tab)
        </a>
      )}
    </div>
  );
}

export function ConnectionBanner() {
  const connected = useObservable(isConnected);
  return (
    <div role="alert">
      {!connected && (
        <div className="banner banner--lost">
          The server can't be reached. The data shown can be outdated. The console reconnects automatically.
        </div>
      )}
    </div>
  );
}
