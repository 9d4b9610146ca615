/** HogQL as a language of CodeMirror: colours, comments, brackets and indentation. */

import { StreamLanguage } from "@codemirror/language";

import { ATOMS, FUNCTIONS_TOO, KEYWORDS, UNITS } from "./words.js";

/** @typedef {import("@codemirror/language").StringStream} Stream */
/** @typedef {(stream: Stream, state: State) => string | null} Tokeniser */
/**
 * @typedef {object} State
 * @property {"start" | "magic" | "query"} place Before the first line with text, in the line of the magic, or below.
 * @property {Tokeniser[]} inside What is open, the innermost last: a string, a comment, a tag.
 * @property {string} last The token before, without spaces and comments.
 * @property {{bracket: string, column: number}[]} brackets What is open, with the indentation of its line.
 */

const WORD = /^[A-Za-z_$][\w$]*/;
const NUMBER = /^(?:0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/;
const OPERATOR = /^(?:=~\*|!~\*|<=>|=~|!~|~\*|==|!=|<>|<=|>=|\|\||\?\?|\?\.|::|:=|->|[-+*/%=<>?:~#])/;
const PLACEHOLDER = /^\{\s*[A-Za-z_$][\w$]*(?:\.[\w$]+)*\s*\}/;
const TAG = /^<\/?[A-Za-z][\w-]*(?=\s+[A-Za-z][\w-]*\s*=\s*['{]|\s*\/?>)/;
const CLOSING = /** @type {Record<string, string>} */ ({ "(": ")", "[": "]", "{": "}" });

/** @param {State} state */
const leave = (state) => void state.inside.pop();

/** @type {(quote: string, style: string) => Tokeniser} */
const quoted = (quote, style) => {
  const text = new RegExp(`^(?:[^\\\\${quote}]|\\\\.|${quote}${quote})+`);
  return (stream, state) => {
    if (stream.match(text)) return style;
    if (stream.next() === quote) leave(state);
    return style;
  };
};

const string = quoted("'", "string");
const name = quoted("`", "string.special");
const doubleName = quoted('"', "string.special");

/** The text of `f'...'`; its `{...}` is read as HogQL. @type {Tokeniser} */
const template = (stream, state) => {
  if (stream.match(/^(?:[^\\'{]|\\.|'')+/)) return "string";
  if (stream.peek() === "{") return embedded(stream, state);
  if (stream.next() === "'") leave(state);
  return "string";
};

/** @type {Tokeniser} */
const embedded = (stream, state) => {
  if (stream.match(PLACEHOLDER)) return "variableName.special";
  stream.next();
  const open = state.brackets.length;
  state.inside.push((inner, within) => {
    if (inner.peek() === "}" && within.brackets.length <= open) {
      inner.next();
      leave(within);
      return "brace";
    }
    return query(inner, within);
  });
  return "brace";
};

/** @type {Tokeniser} */
const comment = (stream, state) => {
  if (stream.match(/^.*?\*\//)) leave(state);
  else stream.skipToEnd();
  return "comment";
};

/** @type {Tokeniser} */
const tag = (stream, state) => {
  if (stream.eatSpace()) return null;
  if (stream.match(/^\/?>/)) {
    leave(state);
    return "tagName";
  }
  if (stream.match(/^[A-Za-z_][\w-]*/)) return "attributeName";
  if (stream.peek() === "{") return embedded(stream, state);
  if (stream.eat("'")) return enter(state, string, "string");
  stream.next();
  return "operator";
};

/** @type {(state: State, tokeniser: Tokeniser, style: string) => string} */
const enter = (state, tokeniser, style) => {
  state.inside.push(tokeniser);
  state.last = "'";
  return style;
};

/** @type {Tokeniser} */
const query = (stream, state) => {
  if (stream.eatSpace()) return null;
  if (stream.match(/^(?:--|\/\/).*/)) return "comment";
  if (stream.match("/*")) {
    state.inside.push(comment);
    return "comment";
  }
  if (stream.match(/^f'/)) return enter(state, template, "string");
  if (stream.eat("'")) return enter(state, string, "string");
  if (stream.eat("`")) return enter(state, name, "string.special");
  if (stream.eat('"')) return enter(state, doubleName, "string.special");
  const before = state.last;
  const style = plain(stream, state, before);
  state.last = stream.current();
  return style;
};

/** @type {(stream: Stream, state: State, before: string) => string | null} */
const plain = (stream, state, before) => {
  if (stream.match(PLACEHOLDER)) return "variableName.special";
  if (stream.match(TAG)) {
    state.inside.push(tag);
    return "tagName";
  }
  if (stream.match(NUMBER)) return "number";
  if (stream.match(WORD)) return word(stream, before);
  if (stream.match(OPERATOR)) return "operator";
  const character = /** @type {string} */ (stream.next());
  if ("([{".includes(character)) {
    state.brackets.push({ bracket: CLOSING[character], column: stream.indentation() });
  } else if (state.brackets.at(-1)?.bracket === character) {
    state.brackets.pop();
  }
  if ("()".includes(character)) return "paren";
  if ("[]".includes(character)) return "squareBracket";
  if ("{}".includes(character)) return "brace";
  if (character === ".") return "derefOperator";
  return ",;".includes(character) ? "separator" : null;
};

/** @type {(stream: Stream, before: string) => string | null} */
const word = (stream, before) => {
  const text = stream.current().toLowerCase();
  const called = stream.match(/^\s*\(/, false);
  if (before === "." || before === "?.") return called ? "variableName.standard" : "propertyName";
  if (before === "::") return "variableName.standard";
  if (ATOMS.has(text)) return "atom";
  if (KEYWORDS.has(text) && !(called && FUNCTIONS_TOO.has(text))) {
    return stream.peek() === "." ? "variableName" : "keyword";
  }
  if (UNITS.test(text) && /^\d/.test(before)) return "keyword";
  // JupyterLab asks the tree what word the cursor is in, so that a word without a colour is one too.
  return called ? "variableName.standard" : "variableName";
};

/** The line of the magic: its name, its options, and their values. @type {Tokeniser} */
const magic = (stream, state) => {
  if (state.place === "start") {
    stream.match(/^%%\w*/);
    state.place = "magic";
    return "meta";
  }
  if (stream.eatSpace()) return null;
  if (stream.match(/^--?[A-Za-z][\w-]*/)) return "attributeName";
  if (stream.match(/^(?:"[^"]*"?|'[^']*'?)/)) return "string";
  if (stream.match(/^\d[\d_.]*(?!\w)/)) return "number";
  if (stream.match(/^[^\s"'=]+/)) return "variableName";
  stream.next();
  return null;
};

/** A whole cell, or the query of a `%hogql` line by itself. */
export const hogql = StreamLanguage.define(
  /** @type {import("@codemirror/language").StreamParser<State>} */ ({
    name: "hogql",
    startState: () => ({ place: "start", inside: [], last: "", brackets: [] }),
    copyState: (state) => ({ ...state, inside: [...state.inside], brackets: [...state.brackets] }),
    token(stream, state) {
      if (state.place === "magic" && stream.sol()) state.place = "query";
      if (state.place === "start") {
        if (stream.eatSpace()) return null;
        if (!stream.match("%%", false)) state.place = "query";
      }
      if (state.place !== "query") return magic(stream, state);
      return (state.inside.at(-1) ?? query)(stream, state);
    },
    indent(state, textAfter, context) {
      if (state.place !== "query" || state.inside.length) return null;
      const open = state.brackets.at(-1);
      if (!open) return null;
      return open.column + (textAfter.startsWith(open.bracket) ? 0 : context.unit);
    },
    languageData: {
      commentTokens: { line: "--", block: { open: "/*", close: "*/" } },
      closeBrackets: { brackets: ["(", "[", "{", "'", '"', "`"] },
      indentOnInput: /^\s*[)\]}]$/,
      wordChars: "$",
    },
  }),
);
