/** A wavy line under the place where PostHog's parser stops, with its message where the pointer or the cursor is. */

import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, hoverTooltip, showTooltip, ViewPlugin } from "@codemirror/view";

import { queries } from "./queries.js";

/** @typedef {import("./parser.js").SyntaxError} SyntaxError */
/** @typedef {{from: number, to: number, message: string}} Mark */

const PAUSE_MILLISECONDS = 500;
const MOST_CHARACTERS = 150;
const NOTHING_TO_READ = /^(?:\s|;|--.*|\/\/.*|\/\*[^]*?\*\/)*$/;

/** @type {import("@codemirror/state").StateEffectType<Mark[]>} */
const found = StateEffect.define();

const marks = StateField.define({
  create: () => Decoration.none,
  update(shown, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(found)) return Decoration.set(effect.value.map(underline));
    }
    return shown.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** @param {Mark} mark */
const underline = ({ from, to, message }) =>
  Decoration.mark({ class: "posthog-nb-error", message }).range(from, to);

/**
 * The message of the error at a place.
 *
 * @param {import("@codemirror/state").EditorState} state
 * @param {number} position
 * @returns {import("@codemirror/view").Tooltip | null}
 */
function message(state, position) {
  /** @type {import("@codemirror/view").Tooltip | null} */
  let tooltip = null;
  state.field(marks).between(position, position, (from, to, { spec }) => {
    tooltip = {
      pos: from,
      end: to,
      above: true,
      create() {
        const dom = document.createElement("div");
        dom.className = "posthog-nb-error-message";
        dom.setAttribute("role", "alert");
        dom.textContent = spec.message;
        return { dom };
      },
    };
  });
  return tooltip;
}

/** @type {import("@codemirror/state").StateEffectType<null>} */
const left = StateEffect.define();

/** The message where the cursor has been moved to. Who types is not to have the line above covered. */
const atCursor = StateField.define({
  /** @returns {import("@codemirror/view").Tooltip | null} */
  create: () => null,
  update(shown, transaction) {
    const { docChanged, effects, selection, state } = transaction;
    if (docChanged || effects.some((effect) => effect.is(left))) return null;
    if (selection) return selection.main.empty ? message(state, selection.main.head) : null;
    return shown && message(state, state.selection.main.head);
  },
  provide: (field) => [
    showTooltip.from(field),
    EditorView.focusChangeEffect.of((_, focused) => (focused ? null : left.of(null))),
  ],
});

const hover = hoverTooltip(({ state }, position) => {
  const tooltip = message(state, position);
  return tooltip?.pos === state.field(atCursor)?.pos ? null : tooltip;
});

const theme = EditorView.baseTheme({
  ".posthog-nb-error": {
    textDecoration: "underline wavy var(--jp-error-color1, #d32f2f) 1px",
    textDecorationSkipInk: "none",
    textUnderlineOffset: "3px",
  },
  ".posthog-nb-error-message": {
    maxWidth: "60ch",
    padding: "4px 8px",
    overflowWrap: "anywhere",
    fontFamily: "var(--jp-ui-font-family)",
    fontSize: "var(--jp-ui-font-size1)",
    color: "var(--jp-ui-font-color1)",
    background: "var(--jp-layout-color1)",
    borderLeft: "3px solid var(--jp-error-color1, #d32f2f)",
  },
});

/**
 * Underlines in an editor.
 *
 * @param {() => boolean} isPython Whether the editor's text is for IPython.
 * @param {(query: string) => Promise<SyntaxError | null>} check
 * @returns {import("@codemirror/state").Extension}
 */
export function errors(isPython, check) {
  const checker = ViewPlugin.define((view) => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let gone = false;
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE_MILLISECONDS);
    };
    const look = async () => {
      const { state } = view;
      const seen = isPython() ? await marksIn(state, check) : [];
      // What was typed since then has a check of its own ahead.
      if (gone || view.state.doc !== state.doc) return;
      if (seen.length || view.state.field(marks).size) view.dispatch({ effects: found.of(seen) });
    };
    later();
    return {
      update(update) {
        if (update.docChanged || update.transactions.some((transaction) => transaction.reconfigured)) later();
      },
      destroy() {
        gone = true;
        clearTimeout(timer);
      },
    };
  });
  return [marks, atCursor, checker, hover, theme];
}

/**
 * @param {import("@codemirror/state").EditorState} state
 * @param {(query: string) => Promise<SyntaxError | null>} check
 */
async function marksIn(state, check) {
  /** @type {Mark[]} */
  const seen = [];
  for (const { from, text } of queries(state)) {
    const error = NOTHING_TO_READ.test(text) ? null : await check(text);
    if (!error) continue;
    const [start, end] = place(text, error.at);
    seen.push({ from: from + start, to: from + end, message: told(error.message, text.slice(start, end)) });
  }
  return seen;
}

/**
 * The parser's message, unless it repeats the query or lists all that might stand there instead.
 *
 * @param {string} message
 * @param {string} word What is underlined.
 */
export function told(message, word) {
  return /^no viable alternative/.test(message) || message.length > MOST_CHARACTERS ? `Unexpected ${word}` : message;
}

/**
 * What to underline for an error at `at`: the word there, an open string to the end of its line, or the last word.
 *
 * @param {string} query
 * @param {number} at
 * @returns {[number, number]}
 */
export function place(query, at) {
  const text = query.trimEnd();
  if (at >= text.length) {
    const last = /(?:[\w$]+|\S)$/u.exec(text);
    return last ? [last.index, text.length] : [0, query.length];
  }
  const there = /^\s*(?:[\w$]+|(['"`])(?:(?!\1).)*\1?|[^])/u.exec(text.slice(at));
  const length = there ? there[0].length : 1;
  const space = there ? there[0].length - there[0].trimStart().length : 0;
  return [at + space, at + length];
}
