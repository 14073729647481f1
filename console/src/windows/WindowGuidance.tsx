/** What to know about a recovery window, and what to do while it is open. */
import Alert, { type AlertProps } from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import type { ReactNode } from "react";
import type { Account, Me, RecoveryWindow } from "../api/records";
import { Timestamp } from "../times/Timestamp";
import { isPending, isReopened, isUnwatched, needsClosing, needsReview, wasOpenedWithoutApproval } from "./states";
import { useBackground } from "./windows";
import { TimeLeft } from "./WindowState";

interface Warning {
  type: AlertProps.Type;
  header: string;
  body: ReactNode;
}

export function WindowWarnings({ recoveryWindow }: { recoveryWindow: RecoveryWindow }) {
  return listWarnings(recoveryWindow).map(({ type, header, body }) => (
    <Alert key={header} type={type} header={header}>
      {body}
    </Alert>
  ));
}

function listWarnings(recoveryWindow: RecoveryWindow): Warning[] {
  return [...listReopening(recoveryWindow), ...listFailures(recoveryWindow), ...listOversightWarnings(recoveryWindow), ...listWaitingNotes(recoveryWindow)];
}

function listReopening(recoveryWindow: RecoveryWindow): Warning[] {
  if (recoveryWindow.reopened_at !== null)
    return [
      {
        type: isReopened(recoveryWindow) ? "error" : "warning",
        header: "Someone else reopened this window: root user credentials were found after it was closed.",
        body: (
          <>
            Closed <Timestamp at={recoveryWindow.first_closed_at} />, found <Timestamp at={recoveryWindow.reopened_at} />. Find out who created them: a console session may have
            outlasted its password, or another tool was used.
          </>
        ),
      },
    ];
  if (recoveryWindow.reread_owed_at !== null)
    return [
      {
        type: "warning",
        header: "The account couldn't be read again after the closing.",
        body: (
          <>
            Due since <Timestamp at={recoveryWindow.reread_owed_at} />. Audit the account.
          </>
        ),
      },
    ];
  return [];
}

function listFailures(recoveryWindow: RecoveryWindow): Warning[] {
  if (recoveryWindow.state === "CLOSE_FAILED")
    return [
      {
        type: "error",
        header: "The window couldn't be closed. Rootkeeper retries until it succeeds.",
        body: (
          <>
            {recoveryWindow.failure} {recoveryWindow.failed_closings} attempts failed in a row. Next attempt: <Timestamp at={recoveryWindow.next_closing_at} none="now" />. Until then
            the root user can possibly sign in.
          </>
        ),
      },
    ];
  if (["DENIED", "CANCELLED", "LAPSED"].includes(recoveryWindow.state) && recoveryWindow.failure)
    return [{ type: "info", header: recoveryWindow.failure, body: "The window wasn't opened. If you still need it, request a new one." }];
  return [];
}

function listOversightWarnings(recoveryWindow: RecoveryWindow): Warning[] {
  const warnings: Warning[] = [];
  if (needsReview(recoveryWindow))
    warnings.push({
      type: "error",
      header: "This window was opened in an emergency. A second person must review it.",
      body: (
        <>
          Due <Timestamp at={recoveryWindow.review_due_at} />. Check the evidence below, then confirm the review.
        </>
      ),
    });
  else if (wasOpenedWithoutApproval(recoveryWindow) && needsClosing(recoveryWindow))
    warnings.push({ type: "warning", header: "This window has no approval.", body: "It is recorded and reported as unapproved." });
  if (isUnwatched(recoveryWindow) && needsClosing(recoveryWindow))
    warnings.push({
      type: "warning",
      header: "This window isn't watched.",
      body: "The actions of the root user aren't known here. See CloudTrail in the account, or configure a source of root events.",
    });
  return warnings;
}

function listWaitingNotes(recoveryWindow: RecoveryWindow): Warning[] {
  if (!isPending(recoveryWindow) || recoveryWindow.has_lapsed) return [];
  const expiry = (
    <>
      The request lapses at <Timestamp at={recoveryWindow.lapses_at} />.
    </>
  );
  if (recoveryWindow.state === "APPROVED") return [{ type: "info", header: "Ready to be opened. The window isn't open yet.", body: expiry }];
  const header = `Waiting for approval: ${recoveryWindow.approved_by.length} of ${recoveryWindow.approvals_needed}. The window isn't open.`;
  return [{ type: "info", header, body: <>Any approver except {recoveryWindow.requested_by}, who requested the window, can approve. {expiry}</> }];
}

interface NextStepsProps {
  recoveryWindow: RecoveryWindow;
  me: Me;
  account: Account | null;
}

export function NextSteps({ recoveryWindow, me, account }: NextStepsProps) {
  const background = useBackground(recoveryWindow.window_id).data;
  const governsLogin = background?.governs_login === true;
  const keepsLogin = background?.keeps_login === true;
  if (recoveryWindow.state !== "OPEN") return null;
  const description = governsLogin ? "The window governs the existing root login until it closes." : "Password recovery is allowed until the window closes.";
  return (
    <Container
      header={
        <Header variant="h2" description={description}>
          Next steps
        </Header>
      }
    >
      <ColumnLayout columns={2}>
        <RecoverySteps reason={recoveryWindow.reason} email={account?.email ?? null} peopleUrl={me.people_url ?? null} governsLogin={governsLogin} keepsLogin={keepsLogin} />
        <div>
          <Box variant="awsui-key-label">Time left</Box>
          <Box variant="awsui-value-large">
            <TimeLeft recoveryWindow={recoveryWindow} />
          </Box>
          <Box color="text-body-secondary">
            Closes at <Timestamp at={recoveryWindow.expires_at} />{keepsLogin && ", if no one keeps the login before"}. The server then deletes all root user credentials of the account, including
            older ones: access keys, signing certificates, the password and MFA devices. An open console session can continue until it expires.
          </Box>
        </div>
      </ColumnLayout>
    </Container>
  );
}

interface RecoveryStepsProps {
  reason: string;
  email: string | null;
  peopleUrl: string | null;
  governsLogin: boolean;
  keepsLogin: boolean;
}

function RecoverySteps({ reason, email, peopleUrl, governsLogin, keepsLogin }: RecoveryStepsProps) {
  const address = email ?? "the root user's address";
  if (governsLogin)
    return (
      <ol className="steps">
        <li>
          <Link href={peopleUrl ? new URL("/signin", peopleUrl).href : "https://signin.aws.amazon.com/"} external externalIconAriaLabel="Opens in a new tab">
            {peopleUrl ? "Open the sign-in page of the sandbox" : "Open the AWS sign-in page, and choose Root user"}
          </Link>
          , and sign in as <strong>{address}</strong> with the existing password.
        </li>
        <li>Complete the task: {reason}</li>
        <li>Close this window when the task is complete. The closing deletes the login.</li>
      </ol>
    );
  const signIn = peopleUrl ? new URL("/signin/forgot-password", peopleUrl).href : "https://signin.aws.amazon.com/";
  return (
    <ol className="steps">
      <li>
        <Link href={signIn} external externalIconAriaLabel="Opens in a new tab">
          {peopleUrl ? "Open the Forgot password page of the sandbox" : "Open the AWS sign-in page, choose Root user, then Forgot password"}
        </Link>
        , and reset the root user password of <strong>{address}</strong>.
      </li>
      <li>
        {peopleUrl ? (
          <Link href={new URL("/mailbox", peopleUrl).href} external externalIconAriaLabel="Opens in a new tab">
            Open the mailbox of the sandbox
          </Link>
        ) : (
          "Open the mailbox"
        )}{" "}
        of <strong>{address}</strong>, open the link in the mail and set a password.
      </li>
      <li>Sign in as root user with the new password, and register an MFA device when AWS asks for it.</li>
      {keepsLogin ? (
        <>
          <li>Store the password and the devices so that two people find them. Create no access key.</li>
          <li>Choose Keep login on this page. If no one keeps the login before the end, it is deleted.</li>
        </>
      ) : (
        <>
          <li>Complete the task: {reason}</li>
          <li>Close this window when the task is complete.</li>
        </>
      )}
    </ol>
  );
}
