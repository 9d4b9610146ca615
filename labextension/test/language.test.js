import assert from "node:assert/strict";
import test from "node:test";

import { classHighlighter, highlightTree } from "@lezer/highlight";

import { hogql } from "../src/language.js";

/** What is coloured in a text, each with its kind; without the names, which have no colour. */
function coloured(text) {
  const found = [];
  highlightTree(hogql.parser.parse(text), classHighlighter, (from, to, kind) =>
    found.push(`${text.slice(from, to)} ${kind.replaceAll("tok-", "").replace("variableName2", "variable")}`),
  );
  return found.filter((piece) => !/^(?:[a-x]|properties|person|top|day) variableName$/.test(piece));
}

const CASES = {
  "SELECT 1.5e3": ["SELECT keyword", "1.5e3 number"],
  "select null": ["select keyword", "null atom"],
  "properties.$browser": [". operator", "$browser propertyName"],
  "person.properties.$x": [". operator", "properties propertyName", ". operator", "$x propertyName"],
  "properties?.from": ["?. operator", "from propertyName"],
  "{name} {filters} {variables.x}": ["{name} variable", "{filters} variable", "{variables.x} variable"],
  "{'a': 1}": ["{ punctuation", "'a' string", ": operator", "1 number", "} punctuation"],
  "'it''s \\' -- {x}'": ["'it''s \\' -- {x}' string"],
  "`a b` \"c\"": ["`a b` string2", '"c" string2'],
  "x -> x + 1": ["-> operator", "+ operator", "1 number"],
  "a == b": ["== operator"],
  "x::int": [":: operator", "int variableName"],
  "-- a\n1": ["-- a comment", "1 number"],
  "// a\n1": ["// a comment", "1 number"],
  "/* a\nb */ 1": ["/* a comment", "b */ comment", "1 number"],
  "count()": ["count variableName", "() punctuation"],
  "left(x)": ["left variableName", "( punctuation", ") punctuation"],
  "x IN (1)": ["IN keyword", "( punctuation", "1 number", ") punctuation"],
  "interval 7 day": ["interval keyword", "7 number", "day keyword"],
  day: [],
  "f'a{b + 1}c'": ["f'a string", "{ punctuation", "+ operator", "1 number", "} punctuation", "c' string"],
  "<HogQLQuery query='select 1' />": [
    "<HogQLQuery typeName",
    "query propertyName",
    "= operator",
    "'select 1' string",
    "/> typeName",
  ],
  "a < b": ["< operator"],
  "%%hogql top --limit 5\nSELECT 1": [
    "%%hogql meta",
    "--limit propertyName",
    "5 number",
    "SELECT keyword",
    "1 number",
  ],
  "\n  %%hogql\nselect": ["%%hogql meta", "select keyword"],
};

for (const [text, expected] of Object.entries(CASES)) {
  test(text, () => assert.deepEqual(coloured(text), expected));
}

test("an open string, comment or tag ends no reading", () => {
  const open = ["select 'a\nb", "select /* a\n\nb", "from <A b='\n", "f'{", "f'{a", "{", "}", "<A b={", "\\", "😀שָׁלוֹם\0"];
  for (const text of open) {
    assert.equal(hogql.parser.parse(text).length, text.length);
  }
});
