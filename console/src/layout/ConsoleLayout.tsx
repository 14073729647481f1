/** The layout around every page: top bar, navigation, notices and split panel. */
import AppLayout, { type AppLayoutProps } from "@cloudscape-design/components/app-layout";
import Flashbar from "@cloudscape-design/components/flashbar";
import { type ReactElement, type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "react-router";
import { StepUp } from "../access/SecondFactor";
import { useObservable } from "../api/observable";
import { organizationName } from "../api/place";
import { useMe } from "../api/queries";
import type { Me } from "../api/records";
import { ConnectionBanner, SandboxBanner } from "../components/ConnectionBanner";
import { QueryProblem } from "../components/PageFrame";
import { SplitPanelContext } from "../components/links";
import { dismissNotice, dismissNoticesOfOtherPages, notices } from "../components/notices";
import { isNoOrganization, NoOrganization } from "../organizations/NoOrganization";
import { Breadcrumbs, findPage, Navigation } from "./Navigation";
import { PageContent } from "./PageContent";
import { PageHelpPanel } from "./PageHelpPanel";
import { TopBar } from "./TopBar";

/** The initial width, or height in a narrow browser window, of the split panel. */
const PANEL_PIXELS = 520;

/** In a window up to this width the navigation starts closed: page and navigation don't fit beside each other. */
const NAVIGATION_PIXELS = 1_000;

const LABELS: AppLayoutProps.Labels = {
  tools: "Help",
  toolsToggle: "Show help",
  toolsClose: "Close help",
  navigation: "Pages",
  navigationToggle: "Show pages",
  navigationClose: "Hide pages",
};

export function ConsoleLayout() {
  const me = useMe();
  if (me.data) return <Layout me={me.data} />;
  if (isNoOrganization(me.error)) return <NoOrganization />;
  return (
    <>
      <ConnectionBanner />
      <main className="sign-in">
        <QueryProblem query={me} />
      </main>
    </>
  );
}

function Layout({ me }: { me: Me }) {
  const { pathname } = useLocation();
  const page = findPage(me, pathname);
  const [panel, setPanel] = useState<ReactElement | null>(null);
  const [isPanelOpen, setPanelOpen] = useState(false);
  const onPanelClosed = useRef<(() => void) | undefined>(undefined);
  const [panelPosition, setPanelPosition] = useState<AppLayoutProps.SplitPanelPreferences>({ position: "side" });
  const [panelSize, setPanelSize] = useState(PANEL_PIXELS);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [isNavigationOpen, setNavigationOpen] = useState(() => window.innerWidth > NAVIGATION_PIXELS);
  const splitPanel = useMemo(
    () => ({
      show: (shown: ReactElement | null, onClosed?: () => void) => {
        setPanel(shown);
        onPanelClosed.current = onClosed;
        if (shown) setPanelOpen(true);
      },
    }),
    [],
  );
  const isPanelShown = panel !== null && isPanelOpen;
  const closePanel = useCallback(() => {
    setPanelOpen(false);
    onPanelClosed.current?.();
  }, []);
  useEscape(isPanelShown, closePanel);
  useEffect(() => {
    document.title = [page?.title ?? "Not found", ...listPlace(me), "Rootkeeper"].join(" · ");
  }, [page, me]);
  const top = useRef<HTMLElement>(null);
  useTopHeight(top);
  useCorrectedToolbar();
  return (
    <SplitPanelContext.Provider value={splitPanel}>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <header id="top" ref={top}>
        <TopBar me={me} />
        <SandboxBanner me={me} />
        <ConnectionBanner />
      </header>
      <AppLayout
        headerSelector="#top"
        tools={<PageHelpPanel me={me} page={page} />}
        toolsOpen={isHelpOpen}
        onToolsChange={({ detail }) => setHelpOpen(detail.open)}
        ariaLabels={LABELS}
        navigation={<Navigation me={me} />}
        navigationOpen={isNavigationOpen}
        onNavigationChange={({ detail }) => setNavigationOpen(detail.open)}
        breadcrumbs={<Breadcrumbs me={me} />}
        notifications={<Notices />}
        stickyNotifications
        contentType={page?.isWide ? "table" : "default"}
        maxContentWidth={page?.isWide ? Number.MAX_VALUE : undefined}
        content={<PageContent me={me} />}
        splitPanel={panel ?? undefined}
        splitPanelOpen={isPanelShown}
        splitPanelPreferences={panelPosition}
        onSplitPanelPreferencesChange={({ detail }) => setPanelPosition(detail)}
        splitPanelSize={panelSize}
        onSplitPanelResize={({ detail }) => setPanelSize(detail.size)}
        onSplitPanelToggle={({ detail }) => {
          if (detail.open) setPanelOpen(true);
          else closePanel();
        }}
      />
      <StepUp enrolled={me.factor?.enrolled ?? []} />
    </SplitPanelContext.Provider>
  );
}

/** The organization of this page: its name on a server of several. */
function listPlace(me: Me): string[] {
  return me.serves_organizations ? [] : [organizationName ?? me.organization_id];
}

/** Keep the height of the top bar in a CSS variable, for what sticks below it. */
function useTopHeight(top: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (!top.current) return undefined;
    const observer = new ResizeObserver(([bar]) => {
      document.documentElement.style.setProperty("--top-height", `${bar?.borderBoxSize[0]?.blockSize ?? 0}px`);
    });
    observer.observe(top.current);
    return () => observer.disconnect();
  }, [top]);
}

/** Cloudscape gives the toolbar of a narrow window an attribute that ARIA doesn't allow there. */
function useCorrectedToolbar(): void {
  useEffect(() => {
    const correct = () => document.querySelector("nav[aria-orientation]")?.removeAttribute("aria-orientation");
    const observer = new MutationObserver(correct);
    observer.observe(document.body, { childList: true, subtree: true });
    correct();
    return () => observer.disconnect();
  }, []);
}

/** Call `act` at the Esc key, unless a dialog or a list of choices is open: the key closes that. */
function useEscape(isActive: boolean, act: () => void): void {
  useEffect(() => {
    if (!isActive) return undefined;
    const onKeyDown = (event: KeyboardEvent) => {
      const open = document.querySelectorAll('[role="dialog"][aria-modal="true"], [role="listbox"], [role="menu"]');
      const isTaken = event.defaultPrevented || [...open].some((one) => one.checkVisibility({ visibilityProperty: true }));
      if (event.key === "Escape" && !isTaken) act();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [isActive, act]);
}

function Notices() {
  const shown = useObservable(notices);
  const { pathname } = useLocation();
  useEffect(() => dismissNoticesOfOtherPages(pathname), [pathname]);
  return (
    <Flashbar
      stackItems
      items={shown.map((notice) => ({
        id: notice.id,
        type: notice.type,
        header: notice.header,
        content: notice.content,
        dismissible: true,
        dismissLabel: `Dismiss: ${notice.header}`,
        onDismiss: () => dismissNotice(notice.id),
        // An alert would take the focus half a second later, also from a dialog that is open by then.
        ariaRole: "status",
      }))}
    />
  );
}
