/** Navigation and breadcrumbs, limited by the permissions of the role. */
import Badge from "@cloudscape-design/components/badge";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import SideNavigation, { type SideNavigationProps } from "@cloudscape-design/components/side-navigation";
import { matchPath, useLocation } from "react-router";
import { hasPermission } from "../api/queries";
import { organizationName, pageHref } from "../api/place";
import type { Me } from "../api/records";
import { useFollowLink } from "../components/links";
import { useOverview } from "../overview/overview";
import { countApprovals } from "../overview/WaitingForYou";
import { type Page, PAGES, SECTIONS } from "./pages";
import { SERVER_PAGES } from "./server-pages";

/** The pages of an organization, or those of a server of several. */
export function listPages(me: Me): readonly Page[] {
  return me.serves_organizations ? SERVER_PAGES : PAGES;
}

export function findPage(me: Me, pathname: string): Page | undefined {
  return listPages(me).find((page) => matchPath(page.path, pathname));
}

export function canView(me: Me, page: Page): boolean {
  return page.permission === null || hasPermission(me, page.permission);
}

export function Navigation({ me }: { me: Me }) {
  const follow = useFollowLink();
  const { pathname } = useLocation();
  const page = findPage(me, pathname);
  const approvals = countApprovals(useOverview().data, me);
  return (
    <SideNavigation
      header={{ text: "Root access", href: pageHref("/") }}
      activeHref={page && pageHref(page.parent ?? page.path)}
      onFollow={follow}
      items={listItems(me, approvals)}
    />
  );
}

/** Pages without a heading first, then those under each heading that has a page for this role. */
function listItems(me: Me, approvals: number): SideNavigationProps.Item[] {
  const pages = listPages(me).filter((one) => !one.parent && canView(me, one));
  const listLinks = (section: Page["section"]): SideNavigationProps.Link[] =>
    pages
      .filter((one) => one.section === section)
      .map((one) => ({
        type: "link",
        text: one.title,
        href: pageHref(one.path),
        info: one.path === "/windows" && approvals > 0 ? <ApprovalBadge count={approvals} /> : undefined,
      }));
  const groups = SECTIONS.map((text) => ({ type: "section-group" as const, title: text, items: listLinks(text) }));
  return [...listLinks(undefined), ...groups.filter(({ items }) => items.length > 0)];
}

function ApprovalBadge({ count }: { count: number }) {
  const text = count === 1 ? "1 request waits for your approval" : `${count} requests wait for your approval`;
  return (
    <span title={text}>
      <Badge color="red">
        {count}
        <span className="unseen"> {text}</span>
      </Badge>
    </span>
  );
}

export function Breadcrumbs({ me }: { me: Me }) {
  const follow = useFollowLink();
  const { pathname } = useLocation();
  const page = findPage(me, pathname);
  return <BreadcrumbGroup ariaLabel="Breadcrumbs" items={listBreadcrumbs(page, pathname)} onFollow={follow} />;
}

function listBreadcrumbs(page: Page | undefined, pathname: string): { text: string; href: string }[] {
  const home = { text: organizationName ?? "Rootkeeper", href: pageHref("/") };
  if (!page) return [home, { text: "Not found", href: pageHref(pathname) }];
  const parent = PAGES.find((one) => one.path === page.parent);
  const named = Object.values(matchPath(page.path, pathname)?.params ?? {})[0];
  return [home, ...(parent ? [{ text: parent.title, href: pageHref(parent.path) }] : []), { text: named ?? page.title, href: pageHref(pathname) }];
}
