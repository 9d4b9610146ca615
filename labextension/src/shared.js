/** The packages that are JupyterLab's, and what stands for them once they are there. */

/** @type {Record<string, string>} */
export const SHARED = {
  "@codemirror/language": "^6.0.0",
  "@codemirror/state": "^6.2.0",
  "@codemirror/view": "^6.9.0",
  "@jupyterlab/codemirror": "^4.0.0",
  "@lezer/highlight": "^1.0.0",
};

/** @type {Record<string, object>} */
export const shared = {};
