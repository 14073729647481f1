/** The page with the form for a recovery window. */
import { useNavigate, useSearchParams } from "react-router";
import { Headed } from "../shell/Headed";
import { windowAddress } from "./addresses";
import { RequestWindow } from "./RequestWindow";

export default function RequestPage() {
  const navigate = useNavigate();
  const [parameters] = useSearchParams();
  return (
    <Headed
      title="Request a recovery window"
      description="It is checked here first. Then others approve it, and only then can it be opened."
    >
      <RequestWindow
        accountId={parameters.get("account") ?? ""}
        onRequested={(made) => void navigate(windowAddress(made.window_id))}
        onCancel={() => void navigate("/windows")}
      />
    </Headed>
  );
}
