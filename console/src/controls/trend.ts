/** A control at earlier times: over the weeks of a period, and at the last report. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { CheckName, ControlDocument, JudgedAccount } from "../api/records";
import { addDays, countDaysBetween, type Days, type Period, toPeriod, todayUtc } from "../times/periods";
import { type ControlPath, KEPT_MILLISECONDS } from "./controls";

/** The server allows no more. */
const MAX_ACCOUNTS = 500;

/** Each judgement computes as much as a report, so a trend has few. */
const MAX_POINTS = 13;
const WEEK_DAYS = 7;
const SHORT_DAYS = 14;

/** The days at whose end a control is judged, the newest first; the period's end is judged already. */
function listEarlierDays({ first, last }: Days): string[] {
  const length = countDaysBetween(first, last) + 1;
  const step = length <= SHORT_DAYS ? 1 : WEEK_DAYS * Math.ceil(length / WEEK_DAYS / MAX_POINTS);
  return Array.from({ length: Math.floor((length - 1) / step) }, (_, place) => addDays(last, -step * (place + 1)));
}

/** The days over which a control is judged at the end of `day`: as many as the period has. */
function daysUntil(day: string, { first, last }: Days): Days {
  return { first: addDays(day, -countDaysBetween(first, last)), last: day };
}

/** Judged one after the other, so that other pages get their turns. */
export function useTrend(path: ControlPath, chosen: Days, isShown: boolean) {
  const today = todayUtc();
  const days = { first: chosen.first, last: chosen.last < today ? chosen.last : today };
  return useQuery({
    queryKey: ["controls", path, "trend", days],
    queryFn: async ({ signal }) => {
      const points: { days: Days; judged: ControlDocument }[] = [];
      for (const day of listEarlierDays(days)) {
        signal.throwIfAborted();
        const judgedDays = daysUntil(day, days);
        points.push({ days: judgedDays, judged: await queries.fetchQuery(judge(path, toPeriod(judgedDays, today), 1)) });
      }
      return points;
    },
    enabled: isShown,
    staleTime: KEPT_MILLISECONDS,
  });
}

function judge(path: ControlPath, period: Period, limit: number) {
  const query = { ...period, open: true, limit };
  return {
    queryKey: ["controls", path, query],
    queryFn: () => unwrap(api.GET("/api/v1/controls/{framework_id}/{control_id}", { params: { path, query } })),
    staleTime: KEPT_MILLISECONDS,
  };
}

/** The control at the last report, over the days before it; and now, over the time since. Longer, it would have what the report has. */
export function useSinceReport(path: ControlPath, reportedAt: string | null, isShown: boolean) {
  return useQuery({
    queryKey: ["controls", path, "since-report", reportedAt],
    queryFn: async () => {
      const end = reportedAt ?? "";
      const then = await queries.fetchQuery(judge(path, { from: `${addDays(end.slice(0, 10), -JUDGED_DAYS)}T00:00:00Z`, to: end }, MAX_ACCOUNTS));
      const now = await queries.fetchQuery(judge(path, { from: end }, MAX_ACCOUNTS));
      return { then, now };
    },
    enabled: isShown && reportedAt !== null,
    staleTime: KEPT_MILLISECONDS,
  });
}

/** As many days as the Controls page usually judges. */
const JUDGED_DAYS = 90;

export interface AccountChange {
  account: JudgedAccount;
  check: CheckName;
  /** `null` where the account wasn't among those to look at: the answers have no others. */
  before: JudgedAccount["verdict"] | null;
  now: JudgedAccount["verdict"] | null;
}

/** What changed for single accounts; `null` if there are too many to compare. */
export function compareAccounts(then: ControlDocument, now: ControlDocument): AccountChange[] | null {
  if (then.next !== null || now.next !== null) return null;
  const identify = (one: JudgedAccount) => `${one.check} ${one.account_id}`;
  const before = new Map(then.accounts.map((one) => [identify(one), one]));
  const after = new Map(now.accounts.map((one) => [identify(one), one]));
  return [...new Map([...before, ...after]).entries()]
    .map(([id, account]) => ({ account, check: account.check, before: before.get(id)?.verdict ?? null, now: after.get(id)?.verdict ?? null }))
    .filter((change) => change.before !== change.now);
}
