/** The unlock page: buckets and queues whose policy denies everyone, and their policies. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";
import type { ChangedPolicy, ListedResource, ResourceListing, ShownPolicy } from "../api/records";
import { handleSubmit } from "../components/Dialog";
import { PageFrame } from "../components/PageFrame";
import { JobOutcomeView } from "../jobs/JobOutcomeView";
import { AccountField } from "../organization/AccountField";
import { type Kind, startUnlock } from "./policies";
import { ChangeOutcome, PolicyDetails } from "./PolicyDetails";
import { ResourceTable } from "./ResourceTable";

/** The ids of the shown jobs are in the URL, so that the page can be reloaded and shared. */
type Step = "list" | "show" | "change";

export default function UnlockPage() {
  const [parameters, setParameters] = useSearchParams();
  const idOf = (step: Step) => parameters.get(step);
  const go = (steps: { [step in Step]?: string | null }) =>
    setParameters(Object.fromEntries(Object.entries(steps).filter((entry): entry is [string, string] => Boolean(entry[1]))));
  const list = idOf("list");
  const show = idOf("show");
  const change = idOf("change");
  const showing = useMutation({
    mutationFn: ({ listing, one }: { listing: Pick<ResourceListing, "account_id" | "service">; one: Pick<ListedResource, "name" | "region"> }) =>
      startUnlock({ account: listing.account_id, kind: listing.service, resource: one.name, region: one.region }),
    onSuccess: (job) => go({ list, show: job.job_id }),
  });
  return (
    <PageFrame
      title="Unlock"
      description="A wrong Deny statement can lock everyone in an account out of a bucket or queue, and out of its policy. A root session limited to this task can correct the policy, so that no root user has to sign in."
    >
      <SpaceBetween size="l">
        <ResourceSearch onStarted={(jobId) => go({ list: jobId })} />
        {list && (
          <JobOutcomeView<ResourceListing> key={list} jobId={list}>
            {(listing, { ended_at }) => (
              <ResourceTable
                listing={listing}
                readAt={ended_at}
                isBusy={showing.isPending}
                onShow={(one) => showing.mutate({ listing, one })}
              />
            )}
          </JobOutcomeView>
        )}
        {change && (
          <JobOutcomeView<ChangedPolicy> key={change} jobId={change}>
            {(outcome) => (
              <ChangeOutcome
                outcome={outcome}
                onShowPolicy={() =>
                  showing.mutate({ listing: { account_id: outcome.account_id, service: outcome.service }, one: outcome })
                }
              />
            )}
          </JobOutcomeView>
        )}
        {show && (
          <JobOutcomeView<ShownPolicy> key={show} jobId={show}>
            {(shown) => <PolicyDetails shown={shown} wasChanged={change !== null} onChanged={(jobId) => go({ list, show, change: jobId })} />}
          </JobOutcomeView>
        )}
      </SpaceBetween>
    </PageFrame>
  );
}

function ResourceSearch({ onStarted }: { onStarted: (jobId: string) => void }) {
  const [account, setAccount] = useState("");
  const [kind, setKind] = useState<Kind>("s3");
  const searching = useMutation({
    mutationFn: () => startUnlock({ account: account.trim(), kind }),
    onSuccess: (job) => onStarted(job.job_id),
  });
  return (
    <form onSubmit={handleSubmit(() => searching.mutate(), account.trim() !== "" && !searching.isPending)}>
      <Container
        header={
          <Header variant="h2" description="Opens a root session in the account that is limited to these policies. Listing changes nothing.">
            Find locked resources
          </Header>
        }
        footer={
          <Button variant="primary" formAction="submit" disabled={account.trim() === ""} loading={searching.isPending}>
            List policies
          </Button>
        }
      >
        <SpaceBetween size="m">
          <AccountField account={account} onChange={setAccount} />
          <FormField label="Resource type">
            <RadioGroup
              direction="horizontal"
              value={kind}
              items={[
                { value: "s3", label: "S3 buckets" },
                { value: "sqs", label: "SQS queues" },
              ]}
              onChange={({ detail }) => setKind(detail.value as Kind)}
            />
          </FormField>
        </SpaceBetween>
      </Container>
    </form>
  );
}
