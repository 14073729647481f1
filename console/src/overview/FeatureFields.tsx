/** The choice of features. One that is on stays on: turning off is a matter for the command line. */
import Container from "@cloudscape-design/components/container";
import Checkbox from "@cloudscape-design/components/checkbox";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { FEATURES, type FeatureName } from "./set-up";

interface FeatureFieldsProps {
  chosen: FeatureName[];
  onChange: (chosen: FeatureName[]) => void;
  on: string[] | null;
}

export function FeatureFields({ chosen, onChange, on }: FeatureFieldsProps) {
  const toggle = (name: FeatureName, isChosen: boolean) =>
    onChange(isChosen ? [...chosen, name] : chosen.filter((one) => one !== name));
  return (
    <Container>
      <SpaceBetween size="l">
        {FEATURES.map((feature) => (
          <div key={feature.name}>
            <Checkbox
              checked={chosen.includes(feature.name)}
              disabled={on?.includes(feature.name)}
              onChange={({ detail }) => toggle(feature.name, detail.checked)}
              description={feature.why}
            >
              {feature.label}
            </Checkbox>
            {on?.includes(feature.name) && <StatusIndicator type="success">On already</StatusIndicator>}
          </div>
        ))}
      </SpaceBetween>
    </Container>
  );
}
