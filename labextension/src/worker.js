/** The inside of the worker: a query in, the parser's JSON out. */

import createParser from "@posthog/hogql-parser";

const parser = await createParser();
self.onmessage = ({ data }) => self.postMessage(parser.parseSelect(data));
self.postMessage("ready");
