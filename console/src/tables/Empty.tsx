/** What stands in a table without rows: what that means, and never that there is nothing where it couldn't be read. */
import Box from "@cloudscape-design/components/box";
import type { ReactNode } from "react";

export function Empty({ error, children }: { error: unknown; children: ReactNode }) {
  return (
    <Box textAlign="center" color="text-body-secondary">
      {error ? "This couldn't be read: whether there is something isn't known." : children}
    </Box>
  );
}
