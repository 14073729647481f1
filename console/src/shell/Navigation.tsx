/** Where one is and where one may go, by the role's permissions. */
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import { matchPath, useLocation } from "react-router";
import { may } from "../api/queries";
import type { Me } from "../api/records";
import { PAGES, type Page } from "../pages";
import { useFollow } from "./links";

export function findPage(pathname: string): Page | undefined {
  return PAGES.find((page) => matchPath(page.path, pathname));
}

export function maySee(me: Me, page: Page): boolean {
  return page.permission === null || may(me, page.permission);
}

export function Navigation({ me }: { me: Me }) {
  const follow = useFollow();
  const { pathname } = useLocation();
  const page = findPage(pathname);
  return (
    <SideNavigation
      header={{ text: "Root access", href: "/" }}
      activeHref={page?.parent ?? page?.path}
      onFollow={follow}
      items={PAGES.filter((one) => !one.parent && maySee(me, one)).map((one) => ({
        type: "link",
        text: one.title,
        href: one.path,
      }))}
    />
  );
}

export function Crumbs() {
  const follow = useFollow();
  const { pathname } = useLocation();
  const page = findPage(pathname);
  return <BreadcrumbGroup ariaLabel="Where this page is" items={listCrumbs(page, pathname)} onFollow={follow} />;
}

function listCrumbs(page: Page | undefined, pathname: string): { text: string; href: string }[] {
  const home = { text: "Rootkeeper", href: "/" };
  if (!page) return [home, { text: "Not found", href: pathname }];
  const parent = PAGES.find((one) => one.path === page.parent);
  const named = Object.values(matchPath(page.path, pathname)?.params ?? {})[0];
  return [home, ...(parent ? [{ text: parent.title, href: parent.path }] : []), { text: named ?? page.title, href: pathname }];
}
