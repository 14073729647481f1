/** Accounts that deletion skips for a while. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { ask, api } from "../api/client";
import type { DeletionException } from "../api/records";

const PAGE = 500;

async function readExceptions(): Promise<DeletionException[]> {
  const found: DeletionException[] = [];
  let after: string | undefined;
  do {
    const params = { query: { limit: PAGE, after } };
    const page = await ask(api.GET("/api/v1/exceptions", { params }));
    found.push(...page.exceptions);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}

export function useExceptions() {
  const found = useQuery({
    queryKey: ["exceptions"],
    queryFn: readExceptions,
    select: (exceptions) => exceptions.filter((one) => one.in_force),
  });
  const byAccount = useMemo(() => new Map(found.data?.map((one) => [one.account_id, one])), [found.data]);
  const reasons = useMemo(
    () => new Map(found.data?.map((one) => [one.account_id, `Exception of ${one.owner}: ${one.reason}`])),
    [found.data],
  );
  return { ...found, byAccount, reasons };
}
