/** The console's pages, one row each, in the order of the navigation. Each page's code is loaded when it is first shown. */
import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { Permission } from "./api/records";

export interface Page {
  /** Where it is; `/windows/:window_id` for the page of one thing. */
  path: string;
  title: string;
  /** What the role must permit; `null` where every role may see it. */
  permission: Permission | null;
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
    permission: "setup:read",
    component: lazy(() => import("./overview/OverviewPage")),
  },
  {
    path: "/accounts",
    title: "Accounts",
    permission: "accounts:read",
    component: lazy(() => import("./accounts/AccountsPage")),
    isWide: true,
  },
  {
    path: "/windows",
    title: "Recovery windows",
    permission: "windows:read",
    component: lazy(() => import("./windows/WindowsPage")),
    isWide: true,
  },
  {
    path: "/guardrails",
    title: "Guardrails",
    permission: "jobs:read",
    component: lazy(() => import("./guardrails/GuardrailsPage")),
    isWide: true,
  },
  {
    path: "/unlock",
    title: "Unlock",
    permission: "resource_policies:unlock",
    component: lazy(() => import("./unlock/UnlockPage")),
    isWide: true,
  },
  {
    path: "/reports",
    title: "Reports",
    permission: "history:read",
    component: lazy(() => import("./reports/ReportsPage")),
    isWide: true,
  },
  {
    path: "/jobs",
    title: "Jobs",
    permission: "jobs:read",
    component: lazy(() => import("./jobs/JobsPage")),
    isWide: true,
  },
  {
    path: "/ledger",
    title: "Ledger",
    permission: "ledger:read",
    component: lazy(() => import("./ledger/LedgerPage")),
    isWide: true,
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
    permission: "setup:read",
    component: lazy(() => import("./overview/SetUpPage")),
    parent: "/",
  },
  {
    path: "/accounts/delete",
    title: "Delete root user credentials",
    permission: "jobs:read",
    component: lazy(() => import("./accounts/delete/DeletePage")),
    parent: "/accounts",
    isWide: true,
  },
  {
    path: "/windows/request",
    title: "Request a recovery window",
    permission: "windows:request",
    component: lazy(() => import("./windows/RequestPage")),
    parent: "/windows",
  },
  {
    path: "/windows/:window_id",
    title: "Recovery window",
    permission: "windows:read",
    component: lazy(() => import("./windows/WindowPage")),
    parent: "/windows",
  },
  {
    path: "/jobs/:job_id",
    title: "Job",
    permission: "jobs:read",
    component: lazy(() => import("./jobs/JobPage")),
    parent: "/jobs",
  },
];
