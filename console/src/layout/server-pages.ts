/** The pages of a server of several organizations that belong to none of them, in the order of the navigation. */
import { lazy } from "react";
import type { Page } from "./pages";

export const SERVER_PAGES: readonly Page[] = [
  {
    path: "/organizations",
    title: "All organizations",
    permission: null,
    component: lazy(() => import("../organizations/OrganizationsPage")),
    isWide: true,
  },
  {
    path: "/settings",
    title: "Settings",
    permission: null,
    component: lazy(() => import("../settings/SettingsPage")),
    isWide: true,
  },
];
