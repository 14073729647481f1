/** The help panel of a page: what it is for, which of its actions the role allows, and the guide. */
import Box from "@cloudscape-design/components/box";
import HelpPanel from "@cloudscape-design/components/help-panel";
import Link from "@cloudscape-design/components/link";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { hasPermission } from "../api/queries";
import type { Me } from "../api/records";
import { GUIDES, HELP, type PageHelp } from "./help";
import type { Page } from "./pages";

export function PageHelpPanel({ me, page }: { me: Me; page: Page | undefined }) {
  const help = page && HELP[page.path];
  if (!help) return <HelpPanel header={<h2>Help</h2>}>Choose a page in the navigation.</HelpPanel>;
  return (
    <HelpPanel header={<h2>{page.title}</h2>} footer={<GuideLink guide={help.guide} />}>
      {help.about.map((text) => (
        <p key={text}>{text}</p>
      ))}
      {help.actions.length > 0 && <h3>Actions</h3>}
      {help.actions.map((action) => (
        <PermissionLine key={action.what} me={me} action={action} />
      ))}
    </HelpPanel>
  );
}

function PermissionLine({ me, action }: { me: Me; action: PageHelp["actions"][number] }) {
  const isAllowed = hasPermission(me, action.permission);
  return (
    <Box margin={{ bottom: "xs" }}>
      <StatusIndicator type={isAllowed ? "success" : "stopped"}>{action.what}</StatusIndicator>
      {!isAllowed && (
        <Box color="text-body-secondary" fontSize="body-s">
          Your role doesn&apos;t allow it.
        </Box>
      )}
    </Box>
  );
}

function GuideLink({ guide }: { guide: PageHelp["guide"] }) {
  return (
    <Link href={`/help/guides/${guide}.html`} external externalIconAriaLabel="Opens in a new tab">
      Guide: {GUIDES[guide]}
    </Link>
  );
}
