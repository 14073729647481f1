/** In which portions a deletion goes, so that a mistake reaches few accounts. */
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import type { components } from "../../api/generated";

export interface Waves {
  canary: number;
  /** `null`: all the rest at once. */
  size: number | null;
  pause_seconds: number;
  /** `null`: none are too many. */
  stop_after_failures: number | null;
}

const FEW = 10;

/** More than a few accounts begin with one alone, and stop at the third failure. */
export function usualWaves(targets: number): Waves {
  return targets > FEW
    ? { canary: 1, size: 50, pause_seconds: 0, stop_after_failures: 3 }
    : { canary: 0, size: null, pause_seconds: 0, stop_after_failures: null };
}

export function toWavesBody(waves: Waves): components["schemas"]["WavesBody"] {
  return { ...waves };
}

interface WaveFieldsProps {
  waves: Waves;
  most: number;
  onChange: (waves: Waves) => void;
}

export function WaveFields({ waves, most, onChange }: WaveFieldsProps) {
  const change = (part: Partial<Waves>) => onChange({ ...waves, ...part });
  return (
    <Container
      header={
        <Header variant="h2" description="The first accounts go alone: unless all of them succeed, nothing else is begun.">
          Waves
        </Header>
      }
    >
      <ColumnLayout columns={4}>
        <NumberField
          label="First accounts, alone"
          description="0: none"
          value={waves.canary}
          most={Math.min(most, 1_000)}
          onChange={(canary) => change({ canary: canary ?? 0 })}
        />
        <NumberField
          label="Accounts in a wave"
          description="Empty: all at once"
          value={waves.size}
          least={1}
          most={most}
          onChange={(size) => change({ size })}
        />
        <NumberField
          label="Pause between waves, seconds"
          description="At most a day"
          value={waves.pause_seconds}
          most={86_400}
          onChange={(seconds) => change({ pause_seconds: seconds ?? 0 })}
        />
        <NumberField
          label="Stop after failures"
          description="Empty: never"
          value={waves.stop_after_failures}
          least={1}
          most={most}
          onChange={(failures) => change({ stop_after_failures: failures })}
        />
      </ColumnLayout>
    </Container>
  );
}

interface NumberFieldProps {
  label: string;
  description: string;
  value: number | null;
  least?: number;
  most: number;
  onChange: (value: number | null) => void;
}

function NumberField({ label, description, value, least = 0, most, onChange }: NumberFieldProps) {
  const take = (text: string) => {
    if (text === "") onChange(null);
    else if (/^\d{1,6}$/.test(text)) onChange(Math.min(most, Math.max(least, Number(text))));
  };
  return (
    <FormField label={label} description={description}>
      <Input inputMode="numeric" value={value === null ? "" : String(value)} onChange={({ detail }) => take(detail.value)} />
    </FormField>
  );
}
