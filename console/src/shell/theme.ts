/** Light or dark: what the person chose on this machine, or else what the machine prefers. */
import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { observable } from "../api/observable";

const KEY = "rootkeeper.theme";
type Theme = "light" | "dark";

export const theme = observable<Theme>(readChoice() ?? preferred());

export function applyTheme(): void {
  applyMode(theme.get() === "dark" ? Mode.Dark : Mode.Light);
  document.documentElement.style.colorScheme = theme.get();
}

export function toggleTheme(): void {
  theme.set(theme.get() === "dark" ? "light" : "dark");
  localStorage.setItem(KEY, theme.get());
  applyTheme();
}

function readChoice(): Theme | null {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : null;
}

function preferred(): Theme {
  return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
