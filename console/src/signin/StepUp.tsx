/** The question for the second factor that comes before something weighty is done. */
import Box from "@cloudscape-design/components/box";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { ask, api } from "../api/client";
import type { FactorBody, SessionRecord } from "../api/missing-routes";
import { useObservable } from "../api/observable";
import type { FactorKind } from "../api/records";
import { renewCsrfToken } from "../api/session";
import { stepUpQuestion } from "../api/step-up";
import { FactorForm } from "./FactorForm";

export function StepUp({ enrolled }: { enrolled: readonly FactorKind[] }) {
  const question = useObservable(stepUpQuestion);
  if (!question) return null;
  const give = async (body: FactorBody) => {
    renewCsrfToken(await ask<Partial<SessionRecord>>(api.POST("/api/v1/auth/step-up", { body })));
    question.given();
  };
  return (
    <Modal visible header="Confirm that it is you" onDismiss={question.declined}>
      <SpaceBetween size="m">
        <Box variant="p">This takes your second factor again. It then holds for five minutes.</Box>
        <FactorForm onFactor={give} onCancel={question.declined} submitText="Confirm" enrolled={enrolled} />
      </SpaceBetween>
    </Modal>
  );
}
