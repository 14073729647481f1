/** The question for the second factor that comes before something weighty is done. */
import Box from "@cloudscape-design/components/box";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { ask, api } from "../api/client";
import type { FactorBody, FactorKind } from "../api/records";
import { useObservable } from "../api/observable";
import { renewCsrfToken } from "../api/session";
import { stepUpQuestion } from "../api/step-up";
import { isMeant } from "../shell/dismissals";
import { FactorForm } from "./FactorForm";
import { useSignInMethods } from "./methods";
import { ConfirmAtProvider } from "./OidcSignIn";

export function StepUp({ enrolled }: { enrolled: readonly FactorKind[] }) {
  const question = useObservable(stepUpQuestion);
  const methods = useSignInMethods();
  if (!question) return null;
  const give = async (body: FactorBody) => {
    renewCsrfToken(await ask(api.POST("/api/v1/auth/step-up", { body })));
    question.given();
  };
  return (
    <Modal visible header="Confirm that it is you" onDismiss={({ detail }) => isMeant(detail.reason) && question.declined()}>
      <SpaceBetween size="m">
        <Box variant="p">This takes your second factor again. It then holds for five minutes.</Box>
        {enrolled.length === 0 && <ConfirmAtProvider />}
        {(enrolled.length > 0 || !methods.data?.oidc) && (
          <FactorForm onFactor={give} onCancel={question.declined} submitText="Confirm" enrolled={enrolled} />
        )}
      </SpaceBetween>
    </Modal>
  );
}
