/** The frame of a page: heading, errors, and placeholders while data is loading. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Skeleton from "@cloudscape-design/components/skeleton";
import { type ReactNode, type RefObject, useEffect, useRef } from "react";
import { describeError } from "../api/problems";

interface PageFrameProps {
  title: string;
  description?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function PageFrame({ title, description, actions, children }: PageFrameProps) {
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={description} actions={actions}>
          {title}
        </Header>
      }
    >
      {children}
    </ContentLayout>
  );
}

/** An error: what happened, what to do next, and a button to try again. A hint of several lines is a policy. */
export function ProblemAlert({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (!error) return null;
  const { what, next } = describeError(error);
  return (
    <div role="alert">
      <Alert type="error" header={what} action={onRetry && <Button onClick={onRetry}>Try again</Button>}>
        {next.includes("\n") ? <pre className="policy">{next}</pre> : next}
      </Alert>
    </div>
  );
}

/**
 * Give the focus to the heading of a result when it appears: a keyboard or a screen reader continues there. The step before
 * has gone with its button. A focus that the user has moved elsewhere meanwhile stays.
 */
export function useFocusOnHeading<T extends HTMLElement>(): RefObject<T | null> {
  const container = useRef<T>(null);
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const heading = container.current?.querySelector<HTMLElement>("h2");
      if (!heading || !isFocusFree()) return;
      heading.tabIndex = -1;
      heading.focus();
    });
    return () => cancelAnimationFrame(frame);
  }, []);
  return container;
}

function isFocusFree(): boolean {
  const focused = document.activeElement;
  return focused === null || focused === document.body || focused.id === "content";
}

interface FailingQuery {
  error: unknown;
  refetch: () => unknown;
}

/** The error of a query, with a button to try again. */
export function QueryProblem({ query }: { query: FailingQuery }) {
  return <ProblemAlert error={query.error} onRetry={() => void query.refetch()} />;
}

/** Shown in place of the data of a query: its error, or a skeleton while it is loading. */
export function QueryPlaceholder({ query, height }: { query: FailingQuery; height: string }) {
  return query.error ? <QueryProblem query={query} /> : <Skeleton height={height} />;
}

/** The least width of a fact with its label: an account id fits in. In a narrow window there are fewer columns. */
export const FACT_PIXELS = 150;
