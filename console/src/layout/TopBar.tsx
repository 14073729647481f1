/** The top bar: organization, endpoint, time zone, theme and the signed-in user. */
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { ChangePassword } from "../access/ChangePassword";
import { api, unwrap } from "../api/client";
import { observable, useObservable } from "../api/observable";
import { organizationName, pageHref } from "../api/place";
import { ProblemError } from "../api/problems";
import { queries } from "../api/queries";
import type { Me } from "../api/records";
import { endSession, getToken } from "../api/session";
import { notifyProblem } from "../components/notices";
import { useOrganizationNames } from "../organizations/organizations";
import { FindOrganization, listFacts, makeSwitcher, SEARCH_ID } from "../organizations/Switcher";
import { isUtc, toggleUtc } from "../times/Timestamp";
import { findPage } from "./Navigation";

export function TopBar({ me }: { me: Me }) {
  const navigate = useNavigate();
  const inUtc = useObservable(isUtc);
  const isDark = useObservable(theme) === "dark";
  const [isChanging, setChanging] = useState(false);
  const [isFinding, setFinding] = useState(false);
  const path = findListPath(me, useLocation().pathname);
  const isOneOfSeveral = organizationName !== null || me.serves_organizations;
  const organizations = useOrganizationNames(isOneOfSeveral).data ?? [];
  const actions: { [id: string]: () => void } = {
    settings: () => void navigate("/settings"),
    password: () => setChanging(true),
    "sign-out": () => void signOut(),
  };
  return (
    <>
      <TopNavigation
        identity={{ title: "Rootkeeper", logo: { src: "/icon.svg", alt: "First page" }, href: pageHref("/"), onFollow: (event) => openHome(event, navigate) }}
        utilities={[
          isOneOfSeveral
            ? {
                ...makeSwitcher(me, organizations, path),
                onItemClick: ({ detail }) => setFinding(detail.id === SEARCH_ID),
              }
            : {
                type: "menu-dropdown",
                text: `${me.organization_id} at ${me.endpoint}`,
                ariaLabel: `Organization ${me.organization_id} at the endpoint ${me.endpoint}`,
                iconName: "share",
                disableUtilityCollapse: true,
                items: listFacts(me),
              },
          {
            type: "button",
            text: "Help",
            href: "/help/",
            target: "_blank",
            rel: "noopener",
          },
          {
            type: "button",
            text: inUtc ? "Show local times" : "Show UTC times",
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
              ...(me.signs_in_by === "password" || me.signs_in_by === "server" ? [{ id: "password", text: "Change password" }] : []),
              { id: "sign-out", text: me.kind === "token" ? "Remove token" : "Sign out" },
            ],
            onItemClick: ({ detail }) => actions[detail.id]?.(),
          },
        ]}
      />
      {isFinding && <FindOrganization organizations={organizations} path={path} onClose={() => setFinding(false)} />}
      {isChanging && <ChangePassword onClose={() => setChanging(false)} />}
    </>
  );
}

/** The page for another organization: this one, or its list if it shows a window or job, which is in no other. */
function findListPath(me: Me, pathname: string): string {
  const page = findPage(me, pathname);
  return me.serves_organizations ? "/" : (page?.parent ?? page?.path ?? "/");
}

const UNAUTHORIZED = 401;

function openHome(event: CustomEvent, navigate: (to: string) => unknown): void {
  event.preventDefault();
  navigate("/");
}

/** A pasted token is only removed from memory: it has no session on the server. */
async function signOut(): Promise<void> {
  try {
    if (!getToken()) await unwrap(api.POST("/api/v1/auth/sign-out"));
  } catch (error) {
    const hasEnded = error instanceof ProblemError && error.status === UNAUTHORIZED;
    if (!hasEnded) return notifyProblem(error);
  }
  queries.clear();
  endSession(false);
}

const STORAGE_KEY = "rootkeeper.theme";
type Theme = "light" | "dark";

const theme = observable<Theme>(readChoice() ?? readPreference());

export function applyTheme(): void {
  applyMode(theme.get() === "dark" ? Mode.Dark : Mode.Light);
  document.documentElement.style.colorScheme = theme.get();
}

function toggleTheme(): void {
  theme.set(theme.get() === "dark" ? "light" : "dark");
  localStorage.setItem(STORAGE_KEY, theme.get());
  applyTheme();
}

function readChoice(): Theme | null {
  const stored = localStorage.getItem(STORAGE_KEY);
  return stored === "light" || stored === "dark" ? stored : null;
}

function readPreference(): Theme {
  return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
