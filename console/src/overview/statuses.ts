/** The words and flags of an account's status, the same on every page. A colour never stands alone. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { Status } from "../api/records";

interface StatusWords {
  status: Status;
  type: StatusIndicatorProps.Type;
  words: string;
}

export const STATUSES: readonly StatusWords[] = [
  { status: "present", type: "warning", words: "Root user credentials present" },
  { status: "unknown", type: "error", words: "Unknown" },
  { status: "recovery_open", type: "in-progress", words: "Recovery open" },
  { status: "not_present", type: "success", words: "No root user credentials" },
  { status: "not_applicable", type: "stopped", words: "Not applicable" },
];
