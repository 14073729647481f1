/** The page at the current URL. An error in one page leaves the others usable. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Spinner from "@cloudscape-design/components/spinner";
import { Component, type ReactNode, type RefObject, Suspense, useEffect, useRef } from "react";
import { Navigate, Route, Routes, useLocation, useNavigate, useNavigationType, useSearchParams } from "react-router";
import type { Me } from "../api/records";
import { PageFrame } from "../components/PageFrame";
import { canView, listPages } from "./Navigation";
import { MOVED_PAGES } from "./pages";

export function PageContent({ me }: { me: Me }) {
  const { pathname } = useLocation();
  const content = useRef<HTMLDivElement>(null);
  useFocusOnNavigation(content, pathname);
  return (
    <div id="content" ref={content} tabIndex={-1}>
      <ErrorBoundary key={pathname}>
        <Suspense fallback={<Loading />}>
          <Routes>
            {listPages(me).map((page) => (
              <Route
                key={page.path}
                path={page.path}
                element={canView(me, page) ? <page.component /> : <NotPermitted me={me} />}
              />
            ))}
            {me.serves_organizations && <Route path="/" element={<Navigate replace to="/organizations" />} />}
            {MOVED_PAGES.map((moved) => (
              <Route key={moved.path} path={moved.path} element={<Moved to={moved.to} job={moved.job} />} />
            ))}
            <Route path="*" element={<NotFound me={me} />} />
          </Routes>
        </Suspense>
      </ErrorBoundary>
    </div>
  );
}

/** Move the focus to the top of a new page, also for screen readers. Going back keeps the scroll position. */
function useFocusOnNavigation(content: RefObject<HTMLDivElement | null>, pathname: string): void {
  const how = useNavigationType();
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    if (how !== "POP") window.scrollTo(0, 0);
    content.current?.focus({ preventScroll: true });
  }, [content, how, pathname]);
}

function Moved({ to, job }: { to: string; job: string }) {
  const [parameters] = useSearchParams();
  const jobId = parameters.get("job");
  return <Navigate replace to={jobId === null ? to : `${to}?${new URLSearchParams({ [job]: jobId }).toString()}`} />;
}

function Loading() {
  return (
    <Box padding="l">
      <Spinner /> Loading page
    </Box>
  );
}

function NotPermitted({ me }: { me: Me }) {
  return (
    <PageFrame title="Not permitted">
      <Alert type="warning" header={`The role ${me.role} doesn't have access to this page.`}>
        Ask an administrator for a role that does.
      </Alert>
    </PageFrame>
  );
}

function NotFound({ me }: { me: Me }) {
  const navigate = useNavigate();
  return (
    <PageFrame title="Not found">
      <Alert
        type="warning"
        header="This page doesn't exist."
        action={<Button onClick={() => void navigate("/")}>{me.serves_organizations ? "Show organizations" : "Show overview"}</Button>}
      >
        Check the URL.
      </Alert>
    </PageFrame>
  );
}

/** Shows an error of a page. After an update of the server, the code of a page can't be loaded until the console is reloaded. */
class ErrorBoundary extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override render(): ReactNode {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <Alert
        type="error"
        header="This page couldn't be loaded."
        action={<Button onClick={() => window.location.reload()}>Reload console</Button>}
      >
        The server was possibly updated. Jobs and requests that you started aren't affected by a reload.
      </Alert>
    );
  }
}
