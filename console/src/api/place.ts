/**
 * The organization that this page belongs to, by its address, and the addresses that follow from it.
 *
 * A server of one organization has its console at `/` and its API at `/api/v1`. A server of several has a console at
 * `/organizations/NAME` and an API at `/api/v1/organizations/NAME` for each. Another organization is another page load, so
 * the memory of a page holds one organization at most. The browser stores only choices of a person (theme, times, columns,
 * the hidden story), and they say nothing about an organization.
 */

const API = "/api/v1";
const ORGANIZATIONS = "/organizations";
const IN_ORGANIZATION = new RegExp(`^${ORGANIZATIONS}/([a-z0-9][a-z0-9-]{0,31})(?=/|$)`);
/** A sign-in is the server's, and so is the list of its organizations. */
const OF_SERVER = /^\/api\/v1\/(auth|overview\/organizations)(?![\w-])/;

/** The name of the organization; `null` on a page of a server of one organization, or of no organization. */
export const organizationName = IN_ORGANIZATION.exec(window.location.pathname)?.[1] ?? null;

/** The start of the address of each page. */
export const BASENAME = organizationName === null ? "" : `${ORGANIZATIONS}/${organizationName}`;

/** The address of a page for a link. The router's own paths, such as that of `navigate`, don't have the basename. */
export function pageHref(path: string): string {
  return `${BASENAME}${path}`;
}

/** The router's path of an address that `pageHref` made. */
export function routerPath(href: string): string {
  return BASENAME !== "" && (href === BASENAME || href.startsWith(`${BASENAME}/`)) ? href.slice(BASENAME.length) || "/" : href;
}

/** The address of a page of an organization, which is loaded anew. */
export function organizationHref(name: string, path = "/"): string {
  return `${ORGANIZATIONS}/${name}${path}`;
}

/** The URL of a path of the API, such as `/api/v1/jobs`, in this page's organization or in another one. */
export function apiUrl(path: string, organization = organizationName): URL {
  const scoped = organization === null || OF_SERVER.test(path) ? path : `${API}${ORGANIZATIONS}/${organization}${path.slice(API.length)}`;
  return new URL(scoped, window.location.origin);
}
