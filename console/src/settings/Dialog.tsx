/** A question with a form in it: asked, sent, and closed once the server agreed. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useId, useRef, type ReactNode } from "react";
import { tellProblem } from "../shell/notices";
import { isMeant } from "../shell/dismissals";
import { ProblemAlert } from "../shell/ProblemAlert";
import { submitting } from "../signin/submitting";

interface DialogProps<T> {
  title: string;
  submitText: string;
  canSubmit?: boolean;
  act: () => Promise<T>;
  onDone?: (answer: T) => void;
  onClose: () => void;
  /** Whether something else takes its place once it is done. */
  staysOpen?: boolean;
  children: ReactNode;
}

export function Dialog<T>(props: DialogProps<T>) {
  const { title, submitText, canSubmit = true, act, onDone, onClose, staysOpen, children } = props;
  const form = useId();
  const isShown = useIsShown();
  const acting = useMutation({
    mutationFn: act,
    onSuccess: (answer) => {
      onDone?.(answer);
      if (!staysOpen) onClose();
    },
    onError: (error) => {
      if (!isShown.current) tellProblem(error);
    },
    meta: { showsErrors: true },
  });
  return (
    <Modal
      visible
      header={title}
      onDismiss={({ detail }) => isMeant(detail.reason) && onClose()}
      footer={
        <Box float="right">
          <SpaceBetween size="xs" direction="horizontal">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" form={form} formAction="submit" disabled={!canSubmit} loading={acting.isPending}>
              {submitText}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form id={form} onSubmit={submitting(() => acting.mutate(), canSubmit && !acting.isPending)}>
        <SpaceBetween size="m">
          <ProblemAlert error={acting.error} />
          {children}
        </SpaceBetween>
      </form>
    </Modal>
  );
}

/** Whether somebody still sees the component: what fails after it was closed is told elsewhere. */
function useIsShown() {
  const isShown = useRef(false);
  useEffect(() => {
    isShown.current = true;
    return () => {
      isShown.current = false;
    };
  }, []);
  return isShown;
}
