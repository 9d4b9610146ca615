/** The language of a `%%hogql` cell, and colours for the query of a `%hogql` line. */

import { highlightingFor, language, StreamLanguage } from "@codemirror/language";
import { EditorState, Prec, RangeSetBuilder, StateField } from "@codemirror/state";
import { Decoration, ViewPlugin } from "@codemirror/view";
import { highlightTree } from "@lezer/highlight";

import { hogql } from "./language.js";
import { cellMagic, lineQueries } from "./queries.js";

/** CodeMirror needs a language at all times once one may come; JupyterLab has none for some editors. */
const plain = StreamLanguage.define({ token: (stream) => (stream.skipToEnd(), null) });

/**
 * Colours for an editor.
 *
 * JupyterLab's own language stays where it is: ours has precedence while the cell is HogQL, so that neither the
 * cell's type nor its completion changes.
 *
 * @param {() => boolean} isPython Whether the editor's text is for IPython.
 * @returns {import("@codemirror/state").Extension}
 */
export function colours(isPython) {
  const magic = StateField.define({
    create: (state) => (isPython() ? cellMagic(state.doc) : null),
    update(line, transaction) {
      // JupyterLab changes the language of a cell by a new configuration.
      if (!transaction.docChanged && !transaction.reconfigured) return line;
      return isPython() ? cellMagic(transaction.newDoc) : null;
    },
  });
  const isCell = (/** @type {EditorState} */ state) => state.field(magic) !== null;
  return [
    magic,
    Prec.highest(language.computeN([magic], (state) => (isCell(state) ? [hogql] : []))),
    Prec.lowest(language.of(plain)),
    EditorState.languageData.of((state, position) => {
      const line = state.field(magic);
      if (line === null) return [];
      // A comment sign before the magic is Python's: whoever comments out the whole cell can take it back.
      const own = position <= line.to ? [{ commentTokens: { line: "#" } }] : [];
      return [...own, ...state.facet(hogql.data)];
    }),
    Prec.highest(lines(isPython)),
  ];
}

/** @param {() => boolean} isPython */
const lines = (isPython) =>
  ViewPlugin.define(
    (view) => {
      const drawn = () => (isPython() ? lineColours(view.state) : Decoration.none);
      const plugin = {
        marks: drawn(),
        /** @param {import("@codemirror/view").ViewUpdate} update */
        update(update) {
          const otherLanguage = update.transactions.some((transaction) => transaction.reconfigured);
          if (update.docChanged || otherLanguage) plugin.marks = drawn();
        },
      };
      return plugin;
    },
    { decorations: (plugin) => plugin.marks },
  );

/** @param {EditorState} state */
function lineColours(state) {
  /** @type {RangeSetBuilder<Decoration>} */
  const marks = new RangeSetBuilder();
  /** @type {import("@lezer/highlight").Highlighter} */
  const highlighter = { style: (tags) => highlightingFor(state, tags) };
  for (const { from, text } of lineQueries(state)) {
    highlightTree(hogql.parser.parse(text), highlighter, (start, end, style) =>
      marks.add(from + start, from + end, Decoration.mark({ class: style })),
    );
  }
  return marks.finish();
}
