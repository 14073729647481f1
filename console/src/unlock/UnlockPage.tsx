/** Buckets and queues whose policy locks everyone out: found, shown, and opened again by a root session. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";
import type { ChangedPolicy, ListedResource, ResourceListing, ShownPolicy } from "../api/records";
import { JobAnswer } from "../jobs/JobAnswer";
import { Headed } from "../shell/Headed";
import { submitting } from "../signin/submitting";
import { AccountField } from "../windows/AccountField";
import { askForUnlock, type Kind } from "./policies";
import { OutcomeOfChange } from "./OutcomeOfChange";
import { PolicyDetails } from "./PolicyDetails";
import { ResourceTable } from "./ResourceTable";

/** The jobs whose answers are shown stand in the address, so that it can be reloaded and shared. */
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
      askForUnlock({ account: listing.account_id, kind: listing.service, resource: one.name, region: one.region }),
    onSuccess: (job) => go({ list, show: job.job_id }),
  });
  return (
    <Headed
      title="Unlock"
      description="One wrong Deny, and nobody in the account can use a bucket or queue, or change its policy back. A root session that may do nothing else can, so that no root user has to sign in."
    >
      <SpaceBetween size="l">
        <LookForm onBegun={(jobId) => go({ list: jobId })} />
        {list && (
          <JobAnswer<ResourceListing> key={list} jobId={list}>
            {(listing, { ended_at }) => (
              <ResourceTable
                listing={listing}
                readAt={ended_at}
                isBusy={showing.isPending}
                onShow={(one) => showing.mutate({ listing, one })}
              />
            )}
          </JobAnswer>
        )}
        {change && (
          <JobAnswer<ChangedPolicy> key={change} jobId={change}>
            {(outcome) => (
              <OutcomeOfChange
                outcome={outcome}
                onLookAgain={() =>
                  showing.mutate({ listing: { account_id: outcome.account_id, service: outcome.service }, one: outcome })
                }
              />
            )}
          </JobAnswer>
        )}
        {show && (
          <JobAnswer<ShownPolicy> key={show} jobId={show}>
            {(shown) => <PolicyDetails shown={shown} wasChanged={change !== null} onChanged={(jobId) => go({ list, show, change: jobId })} />}
          </JobAnswer>
        )}
      </SpaceBetween>
    </Headed>
  );
}

function LookForm({ onBegun }: { onBegun: (jobId: string) => void }) {
  const [account, setAccount] = useState("");
  const [kind, setKind] = useState<Kind>("s3");
  const looking = useMutation({
    mutationFn: () => askForUnlock({ account: account.trim(), kind }),
    onSuccess: (job) => onBegun(job.job_id),
  });
  return (
    <form onSubmit={submitting(() => looking.mutate(), account.trim() !== "" && !looking.isPending)}>
      <Container
        header={
          <Header variant="h2" description="Opens a root session on the account that may only read and change these policies. Looking changes nothing.">
            Look for what is locked
          </Header>
        }
        footer={
          <Button variant="primary" formAction="submit" disabled={account.trim() === ""} loading={looking.isPending}>
            Look
          </Button>
        }
      >
        <SpaceBetween size="m">
          <AccountField account={account} onChange={setAccount} />
          <FormField label="What">
            <SegmentedControl
              label="What"
              selectedId={kind}
              options={[
                { id: "s3", text: "S3 buckets" },
                { id: "sqs", text: "SQS queues" },
              ]}
              onChange={({ detail }) => setKind(detail.selectedId as Kind)}
            />
          </FormField>
        </SpaceBetween>
      </Container>
    </form>
  );
}
