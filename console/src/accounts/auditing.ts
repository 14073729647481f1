/** An audit: asked for, and followed until it is over, whoever asked for it. */
import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ask, api } from "../api/client";
import { isOver, useJob } from "../api/job-events";
import { queries } from "../api/queries";
import type { Job } from "../api/records";
import type { SelectionBody } from "./chosen";
import { useRunningAudit } from "./jobs";
import { readAccountsAgain } from "./listing";

export interface AuditState {
  /** The audit that goes on, or that was followed to its end. */
  job: Job | undefined;
  isRunning: boolean;
  isAsked: boolean;
  begin: (selection: SelectionBody | null) => void;
  dismiss: () => void;
}

export function useAudit(): AuditState {
  const running = useRunningAudit();
  const [followedId, setFollowedId] = useState<string | null>(null);
  const beginning = useMutation({
    mutationFn: (selection: SelectionBody | null) =>
      ask(api.POST("/api/v1/audits", { body: { selection, details: false, refresh: true } })),
    onSuccess: (job) => {
      setFollowedId(job.job_id);
      void queries.invalidateQueries({ queryKey: ["jobs"] });
    },
  });
  const runningId = running?.job_id;
  useEffect(() => {
    if (runningId !== undefined) setFollowedId(runningId);
  }, [runningId]);
  const { data: job } = useJob(followedId);
  const hasEnded = job !== undefined && isOver(job);
  useEffect(() => {
    if (!hasEnded) return;
    void readAccountsAgain();
    void queries.invalidateQueries({ queryKey: ["jobs"] });
    void queries.invalidateQueries({ queryKey: ["overview"] });
  }, [hasEnded]);
  return {
    job,
    isRunning: job !== undefined && (job.state === "queued" || job.state === "running"),
    isAsked: beginning.isPending,
    begin: beginning.mutate,
    dismiss: () => setFollowedId(null),
  };
}
