/** The bar at the top: which organization and endpoint this is about, the zone of times, the theme, and who is signed in. */
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { useNavigate } from "react-router";
import { ask, api } from "../api/client";
import { useObservable } from "../api/observable";
import { ProblemError } from "../api/problems";
import { queries } from "../api/queries";
import type { Me } from "../api/records";
import { forgetSession, tokenOf } from "../api/session";
import { isUtc, toggleUtc } from "../times/zone";
import { tellProblem } from "./notices";
import { theme, toggleTheme } from "./theme";

export function TopBar({ me }: { me: Me }) {
  const navigate = useNavigate();
  const inUtc = useObservable(isUtc);
  const isDark = useObservable(theme) === "dark";
  return (
    <TopNavigation
      identity={{ title: "Rootkeeper", href: "/", onFollow: (event) => followHome(event, navigate) }}
      utilities={[
        {
          type: "menu-dropdown",
          text: `${me.organization_id} at ${me.endpoint}`,
          ariaLabel: `Organization ${me.organization_id} at the endpoint ${me.endpoint}`,
          iconName: "share",
          disableUtilityCollapse: true,
          items: [
            { id: "organization", text: "Organization", secondaryText: me.organization_id, disabled: true },
            { id: "endpoint", text: "Endpoint", secondaryText: me.endpoint, disabled: true },
            { id: "version", text: "Version of Rootkeeper", secondaryText: me.version, disabled: true },
          ],
        },
        {
          type: "button",
          text: inUtc ? "Local times" : "Times in UTC",
          onClick: toggleUtc,
        },
        {
          type: "button",
          text: isDark ? "Light mode" : "Dark mode",
          onClick: toggleTheme,
        },
        {
          type: "menu-dropdown",
          text: me.name,
          description: `${me.kind === "token" ? "API token" : "User"} with the role ${me.role}`,
          iconName: "user-profile",
          items: [
            { id: "settings", text: "Settings" },
            { id: "sign-out", text: me.kind === "token" ? "Forget the token" : "Sign out" },
          ],
          onItemClick: ({ detail }) => (detail.id === "sign-out" ? void signOut() : void navigate("/settings")),
        },
      ]}
    />
  );
}

const UNAUTHORIZED = 401;

function followHome(event: CustomEvent, navigate: (to: string) => unknown): void {
  event.preventDefault();
  navigate("/");
}

/** A pasted token is only forgotten: signing out would say nothing to the server. */
async function signOut(): Promise<void> {
  try {
    if (!tokenOf()) await ask(api.POST("/api/v1/auth/sign-out"));
  } catch (error) {
    const hasEnded = error instanceof ProblemError && error.status === UNAUTHORIZED;
    if (!hasEnded) return tellProblem(error);
  }
  queries.clear();
  forgetSession(false);
}
