/** The page at the address of an organization that doesn't exist, or in which the user has no role: both look the same. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useEffect } from "react";
import { organizationName } from "../api/place";
import { ProblemError } from "../api/problems";
import { ConnectionBanner } from "../components/ConnectionBanner";
import { NameMark } from "../components/NameMark";

const CODE = "organization.not_found";
const NOT_FOUND = 404;

/** A server of one organization knows no address of an organization at all. */
export function isNoOrganization(error: unknown): boolean {
  return error instanceof ProblemError && (error.code === CODE || (organizationName !== null && error.status === NOT_FOUND));
}

export function NoOrganization() {
  useEffect(() => {
    document.title = "Not found · Rootkeeper";
  }, []);
  return (
    <>
      <ConnectionBanner />
      <main className="sign-in">
        <NameMark />
        <Container header={<Header variant="h1">Not found</Header>} footer={<Button href="/">Show your organizations</Button>}>
          {`There is no organization “${organizationName ?? ""}” in which you have a role. Check the address. An administrator of the organization can give you a role.`}
        </Container>
      </main>
    </>
  );
}
