/** What each question about a window is given. */
import type { RecoveryWindow } from "../api/records";

export interface Question {
  one: RecoveryWindow;
  /** The account, for a person. */
  name: string;
  onClose: () => void;
}
