/** What stands around every page: organization and endpoint, navigation, notices, and the split panel of a page. */
import AppLayout, { type AppLayoutProps } from "@cloudscape-design/components/app-layout";
import Flashbar from "@cloudscape-design/components/flashbar";
import { useEffect, useMemo, useRef, useState, type ReactElement } from "react";
import { useLocation } from "react-router";
import { useObservable } from "../api/observable";
import { useMe } from "../api/queries";
import type { Me } from "../api/records";
import { StepUp } from "../signin/StepUp";
import { LostConnection, SandboxBanner } from "./Banners";
import { Crumbs, findPage, Navigation } from "./Navigation";
import { dismiss, dismissAll, notices } from "./notices";
import { PageContent } from "./PageContent";
import { ProblemAlert } from "./ProblemAlert";
import { SplitPanelContext } from "./split-panel";
import { TopBar } from "./TopBar";

/** Beside a table, or below it in a narrow window: as wide, or as high, at first. */
const PANEL_PIXELS = 520;

export function Shell() {
  const me = useMe();
  if (me.data) return <Layout me={me.data} />;
  return (
    <>
      <LostConnection />
      <main className="sign-in">
        <ProblemAlert error={me.error} onRetry={() => void me.refetch()} />
      </main>
    </>
  );
}

function Layout({ me }: { me: Me }) {
  const { pathname } = useLocation();
  const page = findPage(pathname);
  const [panel, setPanel] = useState<ReactElement | null>(null);
  const [isPanelOpen, setPanelOpen] = useState(false);
  const onPanelClosed = useRef<(() => void) | undefined>(undefined);
  const [panelPlace, setPanelPlace] = useState<AppLayoutProps.SplitPanelPreferences>({ position: "side" });
  const [panelSize, setPanelSize] = useState(PANEL_PIXELS);
  const [isNavigationOpen, setNavigationOpen] = useState(true);
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
  useEffect(() => {
    document.title = `${page?.title ?? "Not found"} · ${me.organization_id} · Rootkeeper`;
  }, [page, me.organization_id]);
  return (
    <SplitPanelContext.Provider value={splitPanel}>
      <a className="skip" href="#content">
        Skip to the page
      </a>
      <header id="top">
        <TopBar me={me} />
        <SandboxBanner me={me} />
        <LostConnection />
      </header>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigation={<Navigation me={me} />}
        navigationOpen={isNavigationOpen}
        onNavigationChange={({ detail }) => setNavigationOpen(detail.open)}
        breadcrumbs={<Crumbs />}
        notifications={<Notices />}
        stickyNotifications
        contentType={page?.isWide ? "table" : "default"}
        maxContentWidth={page?.isWide ? Number.MAX_VALUE : undefined}
        content={<PageContent me={me} />}
        splitPanel={panel ?? undefined}
        splitPanelOpen={panel !== null && isPanelOpen}
        splitPanelPreferences={panelPlace}
        onSplitPanelPreferencesChange={({ detail }) => setPanelPlace(detail)}
        splitPanelSize={panelSize}
        onSplitPanelResize={({ detail }) => setPanelSize(detail.size)}
        onSplitPanelToggle={({ detail }) => {
          setPanelOpen(detail.open);
          if (!detail.open) onPanelClosed.current?.();
        }}
      />
      <StepUp enrolled={me.factor?.enrolled ?? []} />
    </SplitPanelContext.Provider>
  );
}

function Notices() {
  const told = useObservable(notices);
  const { pathname } = useLocation();
  useEffect(() => () => dismissAll(), [pathname]);
  return (
    <Flashbar
      stackItems
      items={told.map((notice) => ({
        ...notice,
        dismissible: true,
        dismissLabel: `Dismiss: ${notice.header}`,
        onDismiss: () => dismiss(notice.id),
        ariaRole: notice.type === "error" ? "alert" : "status",
      }))}
    />
  );
}
