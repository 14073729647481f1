/** The pages of an organization in the order of the navigation. The code of a page is loaded when it is first shown. */
import { type ComponentType, lazy, type LazyExoticComponent } from "react";
import type { Permission } from "../api/records";

/** The headings of the navigation, in their order. */
export const SECTIONS = ["Root users", "Recovery", "Policies", "Evidence", "Administration"] as const;
type Section = (typeof SECTIONS)[number];

export interface Page {
  /** The path in the URL, such as `/windows/:window_id` for the page of one window. */
  path: string;
  title: string;
  /** The permission that the page requires; `null` if every role has access. */
  permission: Permission | null;
  component: LazyExoticComponent<ComponentType>;
  /** The path of the parent page. A page with a parent isn't in the navigation. */
  parent?: string;
  /** The heading of the navigation that the page is under. Pages without one come first. */
  section?: Section;
  /** Whether the content uses the full width. */
  isWide?: boolean;
}

/** Old addresses of pages, and where each leads now. The parameter of a job has another name there. */
export const MOVED_PAGES: readonly { path: string; to: string; job: string }[] = [
  { path: "/failsafe", to: "/emergency-access", job: "failsafe_check" },
  { path: "/break-glass", to: "/emergency-access", job: "breakglass_check" },
];

export const PAGES: readonly Page[] = [
  {
    path: "/",
    title: "Overview",
    permission: "setup:read",
    component: lazy(() => import("../overview/OverviewPage")),
  },
  {
    path: "/accounts",
    title: "Accounts",
    permission: "accounts:read",
    section: "Root users",
    component: lazy(() => import("../accounts/AccountsPage")),
    isWide: true,
  },
  {
    path: "/exceptions",
    title: "Exceptions",
    permission: "exceptions:read",
    section: "Root users",
    component: lazy(() => import("../exceptions/ExceptionsPage")),
    isWide: true,
  },
  {
    path: "/root-emails",
    title: "Root e-mails",
    permission: "root_emails:read",
    section: "Root users",
    component: lazy(() => import("../emails/EmailsPage")),
    isWide: true,
  },
  {
    path: "/windows",
    title: "Recovery windows",
    permission: "windows:read",
    section: "Recovery",
    component: lazy(() => import("../windows/WindowsPage")),
    isWide: true,
  },
  {
    path: "/emergency-access",
    title: "Emergency access",
    permission: "failsafe:read",
    section: "Recovery",
    component: lazy(() => import("../failsafe/EmergencyAccessPage")),
    isWide: true,
  },
  {
    path: "/guardrails",
    title: "Guardrails",
    permission: "jobs:read",
    section: "Policies",
    component: lazy(() => import("../guardrails/GuardrailsPage")),
    isWide: true,
  },
  {
    path: "/policies",
    title: "Shipped policies",
    permission: "setup:read",
    section: "Policies",
    component: lazy(() => import("../policies/PoliciesPage")),
    isWide: true,
  },
  {
    path: "/unlock",
    title: "Unlock",
    permission: "resource_policies:unlock",
    section: "Policies",
    component: lazy(() => import("../unlock/UnlockPage")),
    isWide: true,
  },
  {
    path: "/controls",
    title: "Controls",
    permission: "reports:read",
    section: "Evidence",
    component: lazy(() => import("../controls/ControlsPage")),
    isWide: true,
  },
  {
    path: "/reports",
    title: "Reports",
    permission: "history:read",
    section: "Evidence",
    component: lazy(() => import("../evidence/ReportsPage")),
    isWide: true,
  },
  {
    path: "/jobs",
    title: "Jobs",
    permission: "jobs:read",
    section: "Administration",
    component: lazy(() => import("../jobs/JobsPage")),
    isWide: true,
  },
  {
    path: "/ledger",
    title: "Ledger",
    permission: "ledger:read",
    section: "Evidence",
    component: lazy(() => import("../ledger/LedgerPage")),
    isWide: true,
  },
  {
    path: "/notifications",
    title: "Notifications",
    permission: "notifications:read",
    section: "Administration",
    component: lazy(() => import("../notifications/NotificationsPage")),
    isWide: true,
  },
  {
    path: "/settings",
    title: "Settings",
    permission: null,
    section: "Administration",
    component: lazy(() => import("../settings/SettingsPage")),
    isWide: true,
  },
  {
    path: "/set-up",
    title: "Set up root access management",
    permission: "setup:read",
    component: lazy(() => import("../setup/SetUpPage")),
    parent: "/",
  },
  {
    path: "/accounts/delete",
    title: "Delete root user credentials",
    permission: "jobs:read",
    component: lazy(() => import("../deletion/DeletePage")),
    parent: "/accounts",
    isWide: true,
  },
  {
    path: "/windows/request",
    title: "Request a recovery window",
    permission: "windows:request",
    component: lazy(() => import("../windows/RequestPage")),
    parent: "/windows",
  },
  {
    path: "/windows/:window_id",
    title: "Recovery window",
    permission: "windows:read",
    component: lazy(() => import("../windows/WindowPage")),
    parent: "/windows",
  },
  {
    path: "/controls/control",
    title: "Control",
    permission: "reports:read",
    component: lazy(() => import("../controls/ControlPage")),
    parent: "/controls",
    isWide: true,
  },
  {
    path: "/jobs/:job_id",
    title: "Job",
    permission: "jobs:read",
    component: lazy(() => import("../jobs/JobPage")),
    parent: "/jobs",
  },
];
