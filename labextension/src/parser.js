/** PostHog's parser in a worker of its own, started with the first query there is to check. */

/** @typedef {{at: number, message: string}} SyntaxError In UTF-16 units, as the editor counts. */

const MOST_MILLISECONDS = 2000;
const END_OF_QUERY = "Unexpected end of query. Check for a missing table, column, bracket, or quote.";

/**
 * A check of a query's syntax; one query at a time.
 *
 * The parser needs seconds for brackets that nest a hundred deep, and more for worse: such a query is given up.
 *
 * @param {() => Worker} startWorker
 * @returns {(query: string) => Promise<SyntaxError | null>}
 */
export function parser(startWorker) {
  /** @type {Promise<Worker> | null} */
  let worker = null;
  /** @type {Promise<unknown>} */
  let before = Promise.resolve();
  let usable = true;

  const begin = async () => ready(startWorker());

  /** @param {string} query */
  const check = async (query) => {
    if (!usable) return null;
    worker ??= begin();
    const running = await worker.catch((error) => {
      usable = false;
      console.warn("posthog-nb: syntax errors are not underlined, for the parser can't be loaded.", error);
      return null;
    });
    if (!running) return null;
    try {
      return read(query, await answer(running, query));
    } catch {
      // Out of time, or out of its stack: nothing is known of this query, and the next one gets a fresh parser.
      running.terminate();
      worker = null;
      return null;
    }
  };

  return (query) => {
    const turn = before.then(() => check(query));
    before = turn;
    return turn;
  };
}

/**
 * @param {Worker} worker
 * @returns {Promise<Worker>}
 */
const ready = (worker) =>
  new Promise((resolve, reject) => {
    worker.onmessage = () => resolve(worker);
    worker.onerror = reject;
  });

/**
 * @param {Worker} worker
 * @param {string} query
 * @returns {Promise<string>}
 */
const answer = (worker, query) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(reject, MOST_MILLISECONDS);
    worker.onmessage = ({ data }) => {
      clearTimeout(timer);
      resolve(data);
    };
    worker.onerror = (error) => {
      clearTimeout(timer);
      reject(error);
    };
    worker.postMessage(query);
  });

/**
 * What the parser's answer says is wrong. It counts the place in code points.
 *
 * @param {string} query
 * @param {string} json
 * @returns {SyntaxError | null}
 */
export function read(query, json) {
  const tree = JSON.parse(json);
  if (!tree.error) return null;
  const at = [...query].slice(0, tree.start.offset).join("").length;
  return { at, message: /^[\s;]*$/.test(query.slice(at)) ? END_OF_QUERY : tree.message };
}
