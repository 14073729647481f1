/** What a person does in an open window, one step after the other, with the time that is left. */
import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import type { Account, Me, RecoveryWindow } from "../api/records";
import { Moment } from "../times/Moment";
import { TimeLeft } from "./TimeLeft";

interface NextStepsProps {
  one: RecoveryWindow;
  me: Me;
  account: Account | null;
}

export function NextSteps({ one, me, account }: NextStepsProps) {
  if (one.state !== "OPEN") return null;
  return (
    <Container
      header={
        <Header variant="h2" description="Password recovery is allowed from now until the end.">
          What to do now
        </Header>
      }
    >
      <ColumnLayout columns={2}>
        <Steps reason={one.reason} email={account?.email ?? null} peopleUrl={me.people_url ?? null} />
        <div>
          <Box variant="awsui-key-label">Time left</Box>
          <Box variant="awsui-value-large">
            <TimeLeft one={one} />
          </Box>
          <Box color="text-body-secondary">
            Until <Moment at={one.expires_at} />. The server then deletes every root user credential of the account, those from before
            included: access keys, signing certificates, the password, MFA devices. A console session that is open then may live on.
          </Box>
        </div>
      </ColumnLayout>
    </Container>
  );
}

function Steps({ reason, email, peopleUrl }: { reason: string; email: string | null; peopleUrl: string | null }) {
  const address = email ?? "the root user's address";
  const signIn = peopleUrl ? new URL("/signin/forgot-password", peopleUrl).href : "https://signin.aws.amazon.com/";
  return (
    <ol className="steps">
      <li>
        <Link href={signIn} external externalIconAriaLabel="Opens in a new tab">
          {peopleUrl ? "Open the sandbox's Forgot password page" : "Open AWS's sign-in page, choose Root user, then Forgot password"}
        </Link>
        , and ask to reset the root user's password of <strong>{address}</strong>.
      </li>
      <li>
        {peopleUrl ? (
          <Link href={new URL("/mailbox", peopleUrl).href} external externalIconAriaLabel="Opens in a new tab">
            Open the sandbox's mailbox
          </Link>
        ) : (
          "Open the mailbox"
        )}{" "}
        of <strong>{address}</strong>, follow the mail's link and set a password.
      </li>
      <li>Sign in with it as root user. You are asked to register an MFA device; do so.</li>
      <li>Do the work: {reason}</li>
      <li>Close the window here as soon as the work is done.</li>
    </ol>
  );
}
