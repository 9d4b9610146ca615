import assert from "node:assert/strict";
import test from "node:test";

import { EditorState } from "@codemirror/state";

import { queries } from "../src/queries.js";

const found = (text) => {
  const state = EditorState.create({ doc: text });
  return queries(state).map(({ from, to, text }) => {
    assert.equal(text.length, to - from);
    return text;
  });
};

const CASES = {
  "%%hogql top --limit 5\nSELECT 1\nFROM events": ["SELECT 1\nFROM events"],
  "%%hogql": [""],
  "\n\n  %%hogql\nSELECT 1": ["SELECT 1"],
  "%%hogqls\nSELECT 1": [],
  "%%hogql?": [],
  "%%sql\n%hogql SELECT 1": [],
  "%%bash\n%hogql SELECT 1": [],
  "%%time\n%hogql SELECT 1": ["SELECT 1"],
  "# %%hogql\nSELECT 1": [],
  "%hogql SELECT 1": ["SELECT 1"],
  "a = 1\ntop = %hogql --limit 5 --all SELECT 1\nb": ["SELECT 1"],
  "%hogql --param name='Ada L' --param x=[1, 2] -o top SELECT 1": ["SELECT 1"],
  "%hogql --limit=5 --fresh select -1": ["select -1"],
  "%hogql -- a comment": ["-- a comment"],
  "%hogql --more": [],
  "%hogql -h": [],
  "%hogql": [],
  "%hogql SELECT 1 \\\n  FROM events": ["SELECT 1     FROM events"],
  "top = %hogql --limit \\\n 5 \\\nSELECT 1\n%hogql SELECT 2": ["SELECT 1", "SELECT 2"],
  "%hogql \\\n%hogql SELECT 1": ["%hogql SELECT 1"],
  "%hogql SELECT 1 \\": [],
  "# \\\n%hogql SELECT 1": ["SELECT 1"],
  "print('%hogql SELECT 1')": [],
};

for (const [text, expected] of Object.entries(CASES)) {
  test(text, () => assert.deepEqual(found(text), expected));
}
