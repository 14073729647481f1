/** The console's pages, one row each, in the order of the navigation. Each page's code is loaded when it is first shown. */
import { lazy, type ComponentType, type LazyExoticComponent } from "react";

export interface Page {
  /** Where it is; `/windows/:window_id` for the page of one thing. */
  path: string;
  title: string;
  /** What the role must permit; `null` where every role may see it. */
  permission: string | null;
  component: LazyExoticComponent<ComponentType>;
  /** The page that a page of one thing belongs to; such a page isn't in the navigation. */
  parent?: string;
  /** Whether tables should have the whole width. */
  isWide?: boolean;
}

export const PAGES: readonly Page[] = [
  {
    path: "/",
    title: "Overview",
    permission: "accounts:read",
    component: lazy(() => import("./overview/OverviewPage")),
  },
  {
    path: "/settings",
    title: "Settings",
    permission: null,
    component: lazy(() => import("./settings/SettingsPage")),
  },
  {
    path: "/set-up",
    title: "Set up root access management",
    permission: "accounts:read",
    component: lazy(() => import("./overview/SetUpPage")),
    parent: "/",
  },
];
