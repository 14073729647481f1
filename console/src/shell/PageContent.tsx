/** The page at the address; a refusal or a bug of one page leaves the others usable. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Spinner from "@cloudscape-design/components/spinner";
import { Component, Suspense, useEffect, useRef, type ReactNode, type RefObject } from "react";
import { Route, Routes, useLocation, useNavigate, useNavigationType } from "react-router";
import type { Me } from "../api/records";
import { PAGES } from "../pages";
import { Headed } from "./Headed";
import { maySee } from "./Navigation";

export function PageContent({ me }: { me: Me }) {
  const { pathname } = useLocation();
  const content = useRef<HTMLDivElement>(null);
  useBeginning(content, pathname);
  return (
    <div id="content" ref={content} tabIndex={-1}>
      <Fence key={pathname}>
        <Suspense fallback={<Loading />}>
          <Routes>
            {PAGES.map((page) => (
              <Route
                key={page.path}
                path={page.path}
                element={maySee(me, page) ? <page.component /> : <NotPermitted me={me} permission={page.permission} />}
              />
            ))}
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      </Fence>
    </div>
  );
}

/** Another page is read from its beginning, by the keyboard and by screen readers too; going back leaves its place. */
function useBeginning(content: RefObject<HTMLDivElement | null>, pathname: string): void {
  const how = useNavigationType();
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    if (how !== "POP") window.scrollTo(0, 0);
    content.current?.focus({ preventScroll: true });
  }, [content, how, pathname]);
}

function Loading() {
  return (
    <Box padding="l">
      <Spinner /> Loading the page
    </Box>
  );
}

function NotPermitted({ me, permission }: { me: Me; permission: string | null }) {
  return (
    <Headed title="Not permitted">
      <Alert type="warning" header={`The role ${me.role} doesn't permit this page.`}>
        It takes the permission {permission}. Ask an administrator of this server for a role that has it.
      </Alert>
    </Headed>
  );
}

function NotFound() {
  const navigate = useNavigate();
  return (
    <Headed title="Not found">
      <Alert
        type="warning"
        header="There is no such page."
        action={<Button onClick={() => void navigate("/")}>Go to the overview</Button>}
      >
        The address may be mistyped.
      </Alert>
    </Headed>
  );
}

/** A new version of the server has other files: then a page's code can't be loaded until the console is loaded anew. */
class Fence extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override render(): ReactNode {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <Alert
        type="error"
        header="This page can't be shown."
        action={<Button onClick={() => window.location.reload()}>Load the console again</Button>}
      >
        The server may have another version by now. Nothing that was asked for before is lost by loading again.
      </Alert>
    );
  }
}
