/** The console's beginning. */
import "@cloudscape-design/global-styles/index.css";
import "./global.css";
import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { queries } from "./api/queries";
import { App } from "./shell/App";
import { applyTheme } from "./shell/theme";

applyTheme();
const place = document.getElementById("console");
if (place)
  createRoot(place).render(
    <StrictMode>
      <I18nProvider locale="en" messages={[messages]}>
        <QueryClientProvider client={queries}>
          <BrowserRouter>
            <App />
          </BrowserRouter>
        </QueryClientProvider>
      </I18nProvider>
    </StrictMode>,
  );
