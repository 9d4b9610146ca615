import assert from "node:assert/strict";
import test from "node:test";

const load = async (page) => {
  globalThis.window = page;
  globalThis.document = { currentScript: { src: "http://localhost/static/remoteEntry.js" } };
  await import(`../src/remote.js?${Math.random()}`);
  return page._JUPYTERLAB;
};

test("the container is where JupyterLab looks, whether or not another extension was there first", async () => {
  const other = {};
  assert.deepEqual(Object.keys(await load({})), ["posthog-nb"]);
  assert.deepEqual(Object.keys(await load({ _JUPYTERLAB: { other } })), ["other", "posthog-nb"]);
});

test("a front end that lacks what the extension needs is told so", async () => {
  const { "posthog-nb": container } = await load({});
  container.init({});
  await assert.rejects(container.get("./index"), /this front end does not share @codemirror\/language/);
});
