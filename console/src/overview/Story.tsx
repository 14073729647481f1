/** The guided story of a demo: what to do next, where and as whom. What is done is told by the sandbox's own truth. */
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Link from "@cloudscape-design/components/link";
import Steps, { type StepsProps } from "@cloudscape-design/components/steps";
import { useQuery } from "@tanstack/react-query";
import { ask, api } from "../api/client";
import { ProblemError } from "../api/problems";
import { useMe } from "../api/queries";
import type { Story as Told } from "../api/records";
import { useFollow } from "../shell/links";
import { ProblemAlert } from "../shell/ProblemAlert";

const READ_AGAIN_MILLISECONDS = 3_000;

/** Nothing on a server that isn't a demo's. */
export function Story() {
  const { data: me } = useMe();
  const story = useQuery({
    queryKey: ["story"],
    queryFn: readStory,
    enabled: me?.is_sandbox === true,
    refetchInterval: ({ state }) => (state.data ? READ_AGAIN_MILLISECONDS : false),
  });
  if (story.data) return <StorySteps told={story.data} />;
  return <ProblemAlert error={story.error} onRetry={() => void story.refetch()} />;
}

/** The story, or `null` where there is none. */
async function readStory(): Promise<Told | null> {
  try {
    return await ask(api.GET("/api/v1/story"));
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return null;
    throw error;
  }
}

function StorySteps({ told }: { told: Told }) {
  const done = told.steps.filter((step) => step.is_done).length;
  const next = told.steps.find((step) => !step.is_done);
  return (
    <ExpandableSection
      variant="container"
      defaultExpanded
      headingTagOverride="h2"
      headerText="The guided story"
      headerCounter={`(${done} of ${told.steps.length} done)`}
      headerDescription={next ? `Next: ${next.title}` : "You have lived through all of it."}
    >
      <Steps
        ariaLabel="Steps of the guided story"
        steps={told.steps.map((step) => describeStep(step, step === next, told.people_url))}
      />
    </ExpandableSection>
  );
}

function describeStep(step: Told["steps"][number], isNext: boolean, peopleUrl: string | null): StepsProps.Step {
  const status = step.is_done ? "success" : isNext ? "in-progress" : "pending";
  return {
    status,
    statusIconAriaLabel: step.is_done ? "Done" : isNext ? "Next" : "Not done yet",
    header: step.title,
    details: isNext ? <Details step={step} peopleUrl={peopleUrl} /> : undefined,
  };
}

function Details({ step, peopleUrl }: { step: Told["steps"][number]; peopleUrl: string | null }) {
  const follow = useFollow();
  const isElsewhere = step.place === "sandbox";
  const href = isElsewhere ? `${peopleUrl ?? ""}${step.path}` : step.path;
  return (
    <Box color="text-body-secondary">
      {step.how} {step.who === "anybody" ? "" : `As ${step.who}. `}
      <Link
        href={href}
        external={isElsewhere}
        externalIconAriaLabel="opens a new tab"
        onFollow={follow}
        ariaLabel={`${isElsewhere ? "At the sandbox" : "In the console"}: ${step.title}`}
      >
        {isElsewhere ? "At the sandbox" : "In the console"}
      </Link>
    </Box>
  );
}
