/** Whether the ledger is intact, and up to which entry the server has verified it. */
import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { pageHref } from "../api/place";
import type { Overview } from "../api/records";
import { RelativeTime } from "../times/Timestamp";
import { useFollowLink } from "./links";

export function LedgerVerified({ ledger }: { ledger: Overview["ledger"] }) {
  const follow = useFollowLink();
  if (ledger.is_intact === null) return <StatusIndicator type="pending">Being verified</StatusIndicator>;
  return (
    <>
      {ledger.is_intact ? <StatusIndicator type="success">Intact</StatusIndicator> : <StatusIndicator type="error">Not intact</StatusIndicator>}
      {ledger.verified_sequence !== null && (
        <Box color="text-body-secondary">
          <Link href={pageHref("/ledger")} onFollow={follow} variant="secondary">
            Up to entry {ledger.verified_sequence.toLocaleString()}
          </Link>
          , <RelativeTime at={ledger.verified_at} />
        </Box>
      )}
    </>
  );
}
