import s from"./hogql-parser.js";var a=await s();self.onmessage=({data:e})=>self.postMessage(a.parseSelect(e));self.postMessage("ready");
