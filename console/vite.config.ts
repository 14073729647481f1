import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Cloudscape's global styles carry a font as data: URLs, which our Content-Security-Policy refuses: the system's fonts do. */
function withoutEmbeddedFonts(): Plugin {
  return {
    name: "without-embedded-fonts",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("global-styles/index.css")) return null;
      return { code: code.replace(/@font-face\s*\{[^}]*\}/g, ""), map: null };
    },
  };
}

export default defineConfig({
  plugins: [withoutEmbeddedFonts(), react()],
  build: {
    outDir: "../src/rootkeeper/console",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    reportCompressedSize: false,
    license: { fileName: "licenses.md" },
  },
});
