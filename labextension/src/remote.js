/**
 * The container that JupyterLab loads: webpack's module federation, by hand.
 *
 * JupyterLab's own copies of CodeMirror and of its registry are used, for there may be one of each on a page.
 */

import { shared, SHARED } from "./shared.js";

/** @typedef {{get: () => Promise<() => object>, loaded?: unknown}} Offer A version of a package. */
/** @typedef {Record<string, Record<string, Offer>>} ShareScope */

const here = /** @type {HTMLScriptElement} */ (document.currentScript).src;

/** @type {ShareScope} */
let scope = {};

/** The offer that the page uses already, or else that of the highest version. @param {string} name */
function offer(name) {
  const offers = Object.entries(scope[name] ?? {});
  const newest = offers.sort(([a], [b]) => b.localeCompare(a, "en", { numeric: true }));
  const chosen = newest.find(([, { loaded }]) => loaded) ?? newest[0];
  if (!chosen) throw new Error(`posthog-nb: this front end does not share ${name}.`);
  return chosen[1];
}

const container = {
  init(/** @type {ShareScope} */ shareScope) {
    scope = shareScope;
  },
  async get() {
    await Promise.all(
      Object.keys(SHARED).map(async (name) => {
        shared[name] = (await offer(name).get())();
      }),
    );
    const { plugin } = await import("./plugin.js");
    const module = { __esModule: true, default: plugin(new URL("worker.js", here).href) };
    return () => module;
  },
};

/** @type {any} */
const page = window;
// The containers come in no certain order, and whichever is first makes the place for all of them.
page._JUPYTERLAB ??= {};
page._JUPYTERLAB["posthog-nb"] = container;
