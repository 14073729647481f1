/** Who sees what: the sign-in, where nobody is signed in; else the console at the address that was asked for. */
import Box from "@cloudscape-design/components/box";
import Spinner from "@cloudscape-design/components/spinner";
import { useEffect } from "react";
import { Route, Routes } from "react-router";
import { onReconnected } from "../api/connection";
import { useObservable } from "../api/observable";
import { session } from "../api/session";
import { FirstAdministratorPage } from "../signin/FirstAdministratorPage";
import { findSession } from "../signin/sign-in";
import { SignInPage } from "../signin/SignInPage";
import { LostConnection } from "./Banners";
import { Shell } from "./Shell";

export function App() {
  const current = useObservable(session);
  useEffect(() => {
    void findSession();
    return onReconnected(() => {
      if (session.get().state === "unknown") void findSession();
    });
  }, []);
  return (
    <Routes>
      <Route path="/first-administrator" element={<FirstAdministratorPage />} />
      <Route path="*" element={<Console state={current.state} />} />
    </Routes>
  );
}

function Console({ state }: { state: "unknown" | "signed_out" | "factor_needed" | "signed_in" }) {
  if (state === "signed_in") return <Shell />;
  if (state === "unknown") return <Waiting />;
  return <SignInPage />;
}

function Waiting() {
  return (
    <>
      <LostConnection />
      <Box textAlign="center" padding="xxxl">
        <Spinner size="large" /> <Box variant="span">Asking the server who is signed in</Box>
      </Box>
    </>
  );
}
