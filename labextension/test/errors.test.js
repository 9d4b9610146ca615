import assert from "node:assert/strict";
import test from "node:test";

import createParser from "@posthog/hogql-parser";

import { place, told } from "../src/errors.js";
import { parser, read } from "../src/parser.js";

const posthog = await createParser();

/** A worker's outside with the parser itself behind it. */
function worker(answer = (query) => posthog.parseSelect(query)) {
  const outside = {
    postMessage: (query) => {
      const reply = answer(query);
      if (reply !== undefined) queueMicrotask(() => outside.onmessage({ data: reply }));
    },
    terminate: () => (outside.ended = true),
  };
  queueMicrotask(() => outside.onmessage({ data: "ready" }));
  return outside;
}

const underlined = (query) => {
  const error = read(query, posthog.parseSelect(query));
  return error && query.slice(...place(query, error.at));
};

const CASES = {
  "SELECT count() FROM events WHERE properties.$browser == {browser} AND {filters}": null,
  "SELECT arrayMap(x -> x + 1, [1]) FROM <HogQLQuery query='select 1' /> -- why\n;": null,
  "SELECT 1 FRM events WHERE": "events",
  "SELECT '😀', 'שלום' AS b FROM , t": ",",
  "SELECT 'é😀' AS a FROM )": ")",
  "SELECT 1 FROM events WHERE a = 'open": "'open",
  "SELECT count(": "(",
  "SELECT event FROM  \n": "FROM",
  "SELECT 1; SELECT 2": "SELECT",
};

for (const [query, expected] of Object.entries(CASES)) {
  test(query, () => assert.equal(underlined(query), expected));
}

test("a query that ends too early says so in words", () => {
  assert.match(read("SELECT count(", posthog.parseSelect("SELECT count(")).message, /^Unexpected end of query/);
});

test("a message is told as it is, unless it is long or repeats the query", () => {
  const message = (query) => {
    const error = read(query, posthog.parseSelect(query));
    return told(error.message, query.slice(...place(query, error.at)));
  };
  assert.equal(message("SELECT 1; SELECT 2"), "mismatched input 'SELECT' expecting <EOF>");
  assert.equal(message("SELECT 1 FRM events WHERE"), "Unexpected events");
  assert.equal(message("SELECT 1 FROM events LIMIT )"), "Unexpected )");
  assert.match(message("SELECT 1 FROM events WHERE"), /^Unexpected end of query/);
});

test("the parser is started with the first query, and asked one at a time", async () => {
  let started = 0;
  const check = parser(() => (started++, worker()));
  assert.equal(started, 0);
  assert.deepEqual(
    (await Promise.all([check("SELECT 1"), check("SELECT 1 a b"), check("SELECT 2")])).map((error) => error?.at),
    [undefined, 11, undefined],
  );
  assert.equal(started, 1);
});

test("a query that takes too long is given up, and the next one has a new parser", async () => {
  const workers = [];
  const check = parser(() => {
    const made = worker((query) => (query === "endless" ? undefined : posthog.parseSelect(query)));
    workers.push(made);
    return made;
  });
  assert.equal(await check("endless"), null);
  assert.equal((await check("SELECT 1 a b")).at, 11);
  assert.deepEqual(workers.map(({ ended }) => ended ?? false), [true, false]);
});

test("without a worker nothing is underlined, and it is said once", async (context) => {
  const said = context.mock.method(console, "warn", () => {});
  const check = parser(() => {
    const outside = {};
    queueMicrotask(() => outside.onerror(new Error("blocked")));
    return outside;
  });
  assert.deepEqual([await check("SELECT"), await check("SELECT")], [null, null]);
  assert.equal(said.mock.callCount(), 1);
});
