/** The runbook of each failsafe: steps that need a browser and the AWS CLI, but neither Rootkeeper nor an identity provider. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import type { RunbookStep } from "../api/records";
import { QueryPlaceholder } from "../components/PageFrame";
import { AccountName } from "../organization/AccountField";
import { EmptyText } from "../tables/QueryTable";
import { useFailsafes } from "./checks";

export function Runbooks() {
  const known = useFailsafes().data;
  const failsafes = known?.accounts.filter((account) => account.role === "failsafe");
  if (failsafes?.length === 0)
    return (
      <Container header={<Header variant="h2">Runbook</Header>}>
        <EmptyText>
          {known?.unknown === null
            ? "No failsafe, so there is no runbook. Register a delegated administrator for IAM in the set-up."
            : "Failsafes unknown, so there is no runbook yet. Run an audit on the Accounts page."}
        </EmptyText>
      </Container>
    );
  return failsafes?.map((account) => <Runbook key={account.account_id} accountId={account.account_id} />);
}

function Runbook({ accountId }: { accountId: string }) {
  const found = useQuery({
    queryKey: ["runbook", accountId],
    queryFn: () => unwrap(api.GET("/api/v1/failsafes/{account_id}/runbook", { params: { path: { account_id: accountId } } })),
  });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="You need the root password and the MFA device of the failsafe, a browser, bash and the AWS CLI. Work with two people. Print this page, and keep it on paper."
        >
          Runbook: <AccountName accountId={accountId} />
        </Header>
      }
    >
      {found.data ? (
        <ol className="runbook">
          {found.data.steps.map((step) => (
            <Step key={step.step} step={step} />
          ))}
        </ol>
      ) : (
        <QueryPlaceholder query={found} height="20rem" />
      )}
    </Container>
  );
}

const PLACES: { readonly [terminal in NonNullable<RunbookStep["terminal"]>]: string } = {
  cloudshell: "In CloudShell, as the failsafe's root user:",
  own: "In a terminal of your own:",
};

function Step({ step }: { step: RunbookStep }) {
  return (
    <li>
      <strong>{step.title}</strong>
      <div>{step.text}</div>
      {step.terminal !== null && (
        <>
          <div>{PLACES[step.terminal]}</div>
          <pre className="policy">{step.commands.join("\n")}</pre>
        </>
      )}
    </li>
  );
}
