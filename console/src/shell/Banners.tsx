/** What every page says above everything else: that it is a sandbox, and that the server doesn't answer. */
import { isConnected } from "../api/connection";
import { useObservable } from "../api/observable";
import type { Me } from "../api/records";

type Place = Pick<Me, "is_sandbox" | "endpoint"> & { people_url?: string | null };

export function SandboxBanner({ me }: { me: Place }) {
  if (!me.is_sandbox) return null;
  return (
    <div className="banner banner--sandbox" role="note" aria-label="Sandbox">
      {me.endpoint}: nothing here reaches AWS.{" "}
      {me.people_url && (
        <a href={me.people_url} target="_blank" rel="noreferrer">
          Its sign-in pages and mailbox (opens a new tab)
        </a>
      )}
    </div>
  );
}

export function LostConnection() {
  const connected = useObservable(isConnected);
  return (
    <div role="alert">
      {!connected && (
        <div className="banner banner--lost">
          The server can't be reached. What is shown may be old; the console goes on by itself once the server answers.
        </div>
      )}
    </div>
  );
}
