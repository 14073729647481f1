/** The root component: the sign-in page, or the console at the requested URL. */
import Box from "@cloudscape-design/components/box";
import Spinner from "@cloudscape-design/components/spinner";
import { useEffect } from "react";
import { Route, Routes } from "react-router";
import { FirstAdministratorPage } from "../access/FirstAdministratorPage";
import { findSession } from "../access/sign-in";
import { SetPasswordPage } from "../access/SetPasswordPage";
import { SignInPage } from "../access/SignInPage";
import { onReconnected } from "../api/connection";
import { useObservable } from "../api/observable";
import { session } from "../api/session";
import { ConnectionBanner } from "../components/ConnectionBanner";
import { ConsoleLayout } from "./ConsoleLayout";

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
      <Route path="/set-password" element={<SetPasswordPage />} />
      <Route path="*" element={<Console state={current.state} />} />
    </Routes>
  );
}

function Console({ state }: { state: "unknown" | "signed_out" | "factor_needed" | "signed_in" }) {
  if (state === "signed_in") return <ConsoleLayout />;
  if (state === "unknown") return <Loading />;
  return <SignInPage />;
}

function Loading() {
  return (
    <>
      <ConnectionBanner />
      <Box textAlign="center" padding="xxxl">
        <Spinner size="large" /> <Box variant="span">Checking your sign-in</Box>
      </Box>
    </>
  );
}
