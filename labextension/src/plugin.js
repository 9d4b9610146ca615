/** The extension of JupyterLab. */

import { Compartment } from "@codemirror/state";
import { IEditorExtensionRegistry } from "@jupyterlab/codemirror";

import { colours } from "./colours.js";
import { errors } from "./errors.js";
import { parser } from "./parser.js";

/**
 * An extension that is on until the user's settings of the editor say otherwise.
 *
 * @param {string} name
 * @param {string} title
 * @param {(isPython: () => boolean) => import("@codemirror/state").Extension} extension
 */
const setting = (name, title, extension) => ({
  name,
  default: true,
  schema: { type: "boolean", title },
  factory(/** @type {{inline: boolean, model: {mimeType: string}}} */ { inline, model }) {
    // An editor of a file, as opposed to a cell's or a console's: no magics there, not even in Python.
    if (!inline) return null;
    const compartment = new Compartment();
    // A cell of code is told its language after it is made.
    const made = extension(() => /^text\/x-i?python$/.test(model.mimeType));
    return {
      instance: (/** @type {boolean} */ on) => compartment.of(on ? made : []),
      reconfigure: (/** @type {boolean} */ on) => compartment.reconfigure(on ? made : []),
    };
  },
});

/** @param {string} workerAddress */
export const plugin = (workerAddress) => ({
  id: "posthog-nb:hogql",
  description: "Colours HogQL and underlines its syntax errors.",
  autoStart: true,
  requires: [IEditorExtensionRegistry],
  activate(/** @type {unknown} */ _, /** @type {IEditorExtensionRegistry} */ registry) {
    const check = parser(() => new Worker(workerAddress, { type: "module" }));
    registry.addExtension(setting("hogqlColours", "HogQL: colours in %%hogql cells", colours));
    registry.addExtension(
      setting("hogqlErrors", "HogQL: underline syntax errors", (isPython) => errors(isPython, check)),
    );
  },
});
