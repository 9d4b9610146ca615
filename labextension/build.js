/** Builds `posthog_nb/labextension`, or the folder that is named: the same bytes from the same lockfile. */

import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join, resolve } from "node:path";

import { build } from "esbuild";

import { SHARED } from "./src/shared.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "..", "posthog_nb", "labextension"));
const { name, version, description, license } = JSON.parse(await readFile(join(here, "package.json"), "utf8"));
const parser = "@posthog/hogql-parser";
const parserFolder = join(here, "node_modules", parser);

await rm(out, { recursive: true, force: true });
await mkdir(join(out, "static"), { recursive: true });

const common = {
  absWorkingDir: here,
  bundle: true,
  charset: "utf8",
  legalComments: "none",
  minify: true,
  target: "es2022",
};

await build({
  ...common,
  entryPoints: ["src/remote.js"],
  outfile: join(out, "static", "remoteEntry.js"),
  format: "iife",
  plugins: [
    {
      name: "shared",
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^@/ }, ({ path }) =>
          path in SHARED ? { path, namespace: "shared" } : { errors: [{ text: `${path} is not shared` }] },
        );
        onLoad({ filter: /.*/, namespace: "shared" }, ({ path }) => ({
          contents: `import { shared } from "./src/shared.js"; module.exports = shared[${JSON.stringify(path)}];`,
          resolveDir: here,
        }));
      },
    },
  ],
});

await build({
  ...common,
  entryPoints: ["src/worker.js"],
  outfile: join(out, "static", "worker.js"),
  format: "esm",
  plugins: [
    {
      name: "beside",
      setup: ({ onResolve }) => onResolve({ filter: /^@/ }, () => ({ path: "./hogql-parser.js", external: true })),
    },
  ],
});
// As PostHog published it, so that anyone can compare.
await copyFile(join(parserFolder, "dist", "hogql_parser_wasm_browser.js"), join(out, "static", "hogql-parser.js"));

const write = (file, content) => writeFile(join(out, file), `${JSON.stringify(content, null, 2)}\n`);
await write("package.json", {
  name,
  version,
  description,
  license,
  dependencies: SHARED,
  jupyterlab: { extension: true, _build: { load: "static/remoteEntry.js", extension: "./index" } },
});
await write("install.json", {
  packageManager: "python",
  packageName: name,
  uninstallInstructions: `pip uninstall ${name}`,
});
const { version: parserVersion } = JSON.parse(await readFile(join(parserFolder, "package.json"), "utf8"));
// The parser's file holds its grammar's runtime and its compiler's.
const bundled = [
  [parser, parserVersion, "MIT", "hogql-parser.txt"],
  ["antlr4 (in the parser)", "4", "BSD-3-Clause", "antlr4.txt"],
  ["emscripten (in the parser)", "", "MIT", "emscripten.txt"],
];
await write("static/third-party-licenses.json", {
  packages: await Promise.all(
    bundled.map(async ([bundledName, versionInfo, licenseId, file]) => ({
      name: bundledName,
      versionInfo,
      licenseId,
      extractedText: await readFile(join(here, "licences", file), "utf8"),
    })),
  ),
});
