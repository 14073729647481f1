/** The entry point of the console. */
import "@cloudscape-design/global-styles/index.css";
import "./global.css";
import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { BASENAME } from "./api/place";
import { queries } from "./api/queries";
import { App } from "./layout/App";
import { applyTheme } from "./layout/TopBar";

applyTheme();
const root = document.getElementById("console");
if (root)
  createRoot(root).render(
    <StrictMode>
      <I18nProvider locale="en" messages={[messages]}>
        <QueryClientProvider client={queries}>
          <BrowserRouter basename={BASENAME}>
            <App />
          </BrowserRouter>
        </QueryClientProvider>
      </I18nProvider>
    </StrictMode>,
  );
