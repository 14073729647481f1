/** The guided story of the demo: the next step, where and as which user. The state of the sandbox decides which steps are done. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Steps, { type StepsProps } from "@cloudscape-design/components/steps";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSignInMethods } from "../access/sign-in";
import { api, unwrap } from "../api/client";
import { pageHref } from "../api/place";
import { ProblemError } from "../api/problems";
import { useMe } from "../api/queries";
import type { Story as StoryRecord } from "../api/records";
import { QueryProblem } from "../components/PageFrame";
import { useFollowLink } from "../components/links";

type StoryStep = StoryRecord["steps"][number];

const REFRESH_MILLISECONDS = 3_000;

/** Shown only on the server of a demo. */
export function GuidedStory() {
  const { data: me } = useMe();
  const story = useQuery({
    queryKey: ["story"],
    queryFn: readStory,
    enabled: me?.is_sandbox === true,
    refetchInterval: ({ state }) => (state.data ? REFRESH_MILLISECONDS : false),
  });
  if (story.data) return <StorySteps story={story.data} />;
  return <QueryProblem query={story} />;
}

/** The story, or `null` if the server has none. */
async function readStory(): Promise<StoryRecord | null> {
  try {
    return await unwrap(api.GET("/api/v1/story"));
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return null;
    throw error;
  }
}

const STORAGE_KEY = "rootkeeper.story.hidden";

/** The finished story is collapsed, and can be hidden in this browser. */
function StorySteps({ story }: { story: StoryRecord }) {
  const done = story.steps.filter((step) => step.is_done).length;
  const next = story.steps.find((step) => !step.is_done);
  const [chosen, setChosen] = useState<boolean | null>(null);
  const [isHidden, setHidden] = useState(localStorage.getItem(STORAGE_KEY) !== null);
  if (!next && isHidden) return null;
  const hide = () => {
    localStorage.setItem(STORAGE_KEY, "yes");
    setHidden(true);
  };
  return (
    <ExpandableSection
      variant="container"
      expanded={chosen ?? next !== undefined}
      onChange={({ detail }) => setChosen(detail.expanded)}
      headerActions={!next && <Button onClick={hide}>Hide story</Button>}
      headingTagOverride="h2"
      headerText="Guided story"
      headerCounter={`(${done} of ${story.steps.length} done)`}
      headerDescription={next ? `Next: ${next.title}` : "You completed all steps."}
    >
      <Steps
        ariaLabel="Steps of the guided story"
        steps={story.steps.map((step) => describeStep(step, step === next, story.people_url))}
      />
    </ExpandableSection>
  );
}

function describeStep(step: StoryStep, isNext: boolean, peopleUrl: string | null): StepsProps.Step {
  const status = step.is_done ? "success" : isNext ? "in-progress" : "pending";
  return {
    status,
    statusIconAriaLabel: step.is_done ? "Done" : isNext ? "Next" : "Not done yet",
    header: step.title,
    details: isNext ? <Details step={step} peopleUrl={peopleUrl} /> : undefined,
  };
}

function Details({ step, peopleUrl }: { step: StoryStep; peopleUrl: string | null }) {
  const follow = useFollowLink();
  const isElsewhere = step.place === "sandbox";
  const href = isElsewhere ? `${peopleUrl ?? ""}${step.path}` : pageHref(step.path);
  return (
    <SpaceBetween size="xxs">
      <Box color="text-body-secondary">{step.how}</Box>
      {step.users.length > 0 && <SignInAs users={step.users} />}
      <Link
        href={href}
        external={isElsewhere}
        externalIconAriaLabel="Opens in a new tab"
        onFollow={follow}
        ariaLabel={`${isElsewhere ? "Open in the sandbox" : "Open page"}: ${step.title}`}
      >
        {isElsewhere ? "Open in the sandbox" : "Open page"}
      </Link>
    </SpaceBetween>
  );
}

/** Whom to sign in as for a step, with the page that has the codes. */
function SignInAs({ users }: { users: StoryStep["users"] }) {
  const { data: me } = useMe();
  const { data: methods } = useSignInMethods();
  const [only] = users;
  if (users.length === 1 && only?.name === me?.name) return <Box>You are signed in as {only?.name}, who can do this.</Box>;
  return (
    <Box>
      Sign in as {users.map((one) => `${one.name} (${one.role})`).join(", then as ")}.{" "}
      {methods?.codes_url && (
        <Link href={methods.codes_url} external externalIconAriaLabel="Opens in a new tab">
          Password and codes
        </Link>
      )}
    </Box>
  );
}
