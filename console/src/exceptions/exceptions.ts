/** Exceptions: accounts that deletion skips for a time, with an owner and a reason. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, readAll, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { DeletionException } from "../api/records";

const PAGE = 500;

/** All exceptions, those in force first; an ended one stays until it is removed. */
export function useAllExceptions() {
  return useQuery({ queryKey: ["exceptions"], queryFn: readExceptions });
}

/** The exceptions in force. */
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

function readExceptions(): Promise<DeletionException[]> {
  return readAll(
    (after) => unwrap(api.GET("/api/v1/exceptions", { params: { query: { limit: PAGE, after } } })),
    (page) => page.exceptions,
  );
}

const SOON_MILLISECONDS = 14 * 86_400_000;

/** Whether it has ended or ends within 14 days. */
export function endsSoon({ until }: DeletionException, now: number): boolean {
  return new Date(until).getTime() - now < SOON_MILLISECONDS;
}

export function refreshExceptions(): void {
  void queries.invalidateQueries({ queryKey: ["exceptions"] });
}
