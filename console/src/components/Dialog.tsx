/** A dialog with a form: it closes when the server accepts the request, and shows the error otherwise. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useId, useRef } from "react";
import { notifyProblem } from "./notices";
import { ProblemAlert } from "./PageFrame";

interface DialogProps<T> {
  title: string;
  submitText: string;
  /** Other than "Cancel" where the dialog itself cancels something. */
  closeText?: string;
  canSubmit?: boolean;
  act: () => Promise<T>;
  onDone?: (answer: T) => void;
  onClose: () => void;
  /** Stays open on success, because the caller shows something else in its place. */
  staysOpen?: boolean;
  children: ReactNode;
}

export function Dialog<T>(props: DialogProps<T>) {
  const { title, submitText, closeText = "Cancel", canSubmit = true, act, onDone, onClose, staysOpen, children } = props;
  const form = useId();
  const isMounted = useIsMounted();
  const formRef = useFocusOnFirstField<HTMLFormElement>();
  const submission = useMutation({
    mutationFn: act,
    onSuccess: (answer) => {
      onDone?.(answer);
      if (!staysOpen) onClose();
    },
    onError: (error) => {
      if (!isMounted.current) notifyProblem(error);
    },
    meta: { showsErrors: true },
  });
  return (
    <Modal
      visible
      // A centred dialog moves with each line it gains, and a menu in it moves away from the pointer.
      position="top"
      header={title}
      onDismiss={({ detail }) => isDeliberate(detail.reason) && onClose()}
      footer={
        <Box float="right">
          <SpaceBetween size="xs" direction="horizontal">
            <Button variant="link" onClick={onClose}>
              {closeText}
            </Button>
            <Button variant="primary" form={form} formAction="submit" disabled={!canSubmit} loading={submission.isPending}>
              {submitText}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form id={form} ref={formRef} onSubmit={handleSubmit(() => submission.mutate(), canSubmit && !submission.isPending)}>
        <SpaceBetween size="m">
          <ProblemAlert error={submission.error} />
          {children}
        </SpaceBetween>
      </form>
    </Modal>
  );
}

/** A Select is a button that opens a list, or a dialog with a list and its filter. */
const FIELDS = ["input", "textarea", "button[aria-haspopup=listbox]", "button[aria-haspopup=dialog]"].map((one) => `${one}:not([disabled])`).join(", ");

/** Cloudscape's dialogs give the focus to their close button. A form begins with its first field instead. */
export function useFocusOnFirstField<T extends HTMLElement>(): React.RefObject<T | null> {
  const container = useRef<T>(null);
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      container.current?.querySelector<HTMLElement>(FIELDS)?.focus();
    });
    return () => cancelAnimationFrame(frame);
  }, []);
  return container;
}

/** Whether the component is still mounted. An error after the dialog was closed becomes a notice. */
function useIsMounted() {
  const isMounted = useRef(false);
  useEffect(() => {
    isMounted.current = true;
    return () => {
      isMounted.current = false;
    };
  }, []);
  return isMounted;
}

/** Ignore clicks outside a dialog, because they would discard its input. */
export function isDeliberate(reason: string): boolean {
  return reason !== "overlay";
}

/** Handle the submission of a form. Enter submits too, so an incomplete or pending form is ignored here. */
export function handleSubmit(act: () => void, isReady: boolean): (event: FormEvent) => void {
  return (event) => {
    event.preventDefault();
    if (isReady) act();
  };
}
