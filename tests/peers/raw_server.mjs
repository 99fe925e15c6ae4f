// A plain HTTP server that records each request body byte for byte, for tests that ask what was really sent.
// It parses a body only to know the JSON-RPC id and method to answer; what it records is the bytes.
//
// Usage: node raw_server.mjs PORT LOGFILE      serves http://127.0.0.1:PORT/mcp, era 2025-06-18 and 2025-11-25
//
// LOGFILE gets one line for each request, in order of arrival: a JSON object {"method", "headers", "body"},
// where "body" is the body in base64. A request is in the file before it is answered.
// Port 0 takes a free port. `LISTENING http://127.0.0.1:PORT/mcp` is printed once connections are taken.

import { appendFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const [port, logfile] = process.argv.slice(2);
if (port === undefined || logfile === undefined) {
  console.error("usage: node raw_server.mjs PORT LOGFILE");
  process.exit(2);
}
writeFileSync(logfile, "");

// The text of `params.arguments`, cut out of the body: the answer to `echo` then holds the very characters
// that arrived, and no parser of ours touches a number.
function rawArguments(body) {
  const at = body.indexOf('"arguments":');
  if (at < 0) return "{}";
  let depth = 0;
  let inString = false;
  const start = body.indexOf("{", at);
  for (let i = start; i < body.length; i += 1) {
    const c = body[i];
    if (inString) {
      if (c === "\\") i += 1;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === "{") depth += 1;
    else if (c === "}" && (depth -= 1) === 0) return body.slice(start, i + 1);
  }
  return "{}";
}

function answer(message, body) {
  const { id, method, params } = message;
  const result = (value) => ({ jsonrpc: "2.0", id, result: value });
  switch (method) {
    case "initialize":
      return result({
        protocolVersion: params?.protocolVersion === "2025-06-18" ? "2025-06-18" : "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "callsheet-raw", version: "1.0.0" },
      });
    case "ping":
      return result({});
    case "tools/list":
      return result({ tools: [{ name: "echo", inputSchema: { type: "object" } }] });
    case "tools/call":
      return result({ content: [{ type: "text", text: rawArguments(body) }] });
    default:
      return { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } };
  }
}

let sessions = 0;
const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const bytes = Buffer.concat(chunks);
    const { authorization: _, ...headers } = request.headers;
    const entry = { method: request.method, headers, body: bytes.toString("base64") };
    appendFileSync(logfile, `${JSON.stringify(entry)}\n`);
    if (request.method === "DELETE") return response.writeHead(200).end();
    if (request.method !== "POST") return response.writeHead(405, { allow: "POST, DELETE" }).end();
    const body = bytes.toString("utf8");
    let message;
    try {
      message = JSON.parse(body);
    } catch {
      message = { id: null };
    }
    if (message.method !== undefined && message.id === undefined) return response.writeHead(202).end();
    const text = JSON.stringify(answer(message, body));
    const session = message.method === "initialize" ? { "mcp-session-id": `raw-${(sessions += 1)}` } : {};
    return response.writeHead(200, { "content-type": "application/json", ...session }).end(text);
  });
});

server.listen(Number(port), "127.0.0.1", () => {
  console.log(`LISTENING http://127.0.0.1:${server.address().port}/mcp`);
});
