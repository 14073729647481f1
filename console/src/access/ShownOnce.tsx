/** A text to copy, usually a secret that the server shows only this once. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { isDeliberate } from "../components/Dialog";

interface ShownOnceProps {
  title: string;
  /** What to do with it. */
  children: ReactNode;
  secret: string;
  copyText: string;
  doneText: string;
  /** `success` for a text that isn't secret. */
  type?: "warning" | "success";
  onClose: () => void;
}

export function ShownOnce({ title, children, secret, copyText, doneText, type = "warning", onClose }: ShownOnceProps) {
  return (
    <Modal
      visible
      header={title}
      onDismiss={({ detail }) => isDeliberate(detail.reason) && onClose()}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            {doneText}
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Alert type={type}>{children}</Alert>
        <CopyToClipboard
          variant="inline"
          textToCopy={secret}
          copyButtonAriaLabel={copyText}
          copySuccessText="Copied"
          copyErrorText="The browser couldn't copy it. Select the text and copy it."
        />
      </SpaceBetween>
    </Modal>
  );
}
