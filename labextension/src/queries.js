/** Where HogQL stands in a cell, as IPython reads it. */

import { syntaxTree } from "@codemirror/language";

/** @typedef {import("@codemirror/state").EditorState} EditorState */
/** @typedef {import("@codemirror/state").Text} Text */
/** @typedef {{from: number, to: number}} Span */
/** @typedef {Span & {text: string}} Query Its text, character by character in the places of the cell's. */

const CELL = /^\s*%%hogql(?=\s|$)/;
const OTHER_LANGUAGE = /^\s*%%(?!(?:capture|prun|time|timeit)\b)/;
const LINE = /^\s*(?:[\p{L}_][\p{L}\p{N}_]*\s*=\s*)?%hogql\s+/u;

/** The options of `%hogql` that stand alone; each of the others takes the next word, or what is quoted. */
export const FLAGS = [
  "--all",
  "--show",
  "--fresh",
  "--no-progress",
  "--dry-run",
  "--explain",
  "--more",
  "-h",
  "--help",
];

const OPTION = /^--?[A-Za-z][\w-]*(?=[\s=]|$)/;
const VALUE = /^(?:=|\s+)(?:[\w.]+=)?(?:"[^"]*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|\S+)/;

/**
 * The first line with text; IPython skips the blank ones above a magic.
 *
 * @param {Text} doc
 */
function firstLine(doc) {
  for (let number = 1; number < doc.lines; number++) {
    const line = doc.line(number);
    if (line.text.trim()) return line;
  }
  return doc.line(doc.lines);
}

/**
 * The line of `%%hogql`, if `doc` is a cell of it.
 *
 * @param {Text} doc
 * @returns {Span | null}
 */
export function cellMagic(doc) {
  const line = firstLine(doc);
  return CELL.test(line.text) ? { from: line.from, to: line.to } : null;
}

/**
 * Each query of the cell: what is below `%%hogql`, or what follows each `%hogql` and its options.
 *
 * @param {EditorState} state
 * @returns {Query[]}
 */
export function queries(state) {
  const magic = cellMagic(state.doc);
  if (!magic) return lineQueries(state);
  const [from, to] = [Math.min(magic.to + 1, state.doc.length), state.doc.length];
  return [{ from, to, text: state.sliceDoc(from, to) }];
}

/**
 * What follows each `%hogql` and its options.
 *
 * @param {EditorState} state
 * @returns {Query[]}
 */
export function lineQueries(state) {
  /** @type {Query[]} */
  const found = [];
  if (OTHER_LANGUAGE.test(firstLine(state.doc).text)) return found;
  for (let number = 1; number <= state.doc.lines; number++) {
    const line = state.doc.line(number);
    if (!LINE.test(line.text)) continue;
    let last = line;
    while (last.text.endsWith("\\") && number < state.doc.lines) last = state.doc.line(++number);
    // IPython takes the lines that backslashes join for one.
    const text = state.sliceDoc(line.from, last.to).replaceAll("\\\n", "  ");
    const start = queryStart(text);
    if (start === null || text.endsWith("\\")) continue;
    if (/String/.test(syntaxTree(state).resolveInner(line.from, -1).name)) continue;
    found.push({ from: line.from + start, to: last.to, text: text.slice(start) });
  }
  return found;
}

/**
 * Where the query of a `%hogql` line begins, or null where there is none.
 *
 * @param {string} text
 */
function queryStart(text) {
  const magic = LINE.exec(text);
  if (!magic) return null;
  let at = magic[0].length;
  for (let option; (option = OPTION.exec(text.slice(at))); ) {
    at += option[0].length;
    if (!FLAGS.includes(option[0])) at += VALUE.exec(text.slice(at))?.[0].length ?? 0;
    at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0;
  }
  return at < text.length ? at : null;
}
