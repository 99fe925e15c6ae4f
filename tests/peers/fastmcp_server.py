"""An MCP server for callsheet's tests that shares no code with callsheet: FastMCP with static bearer tokens.

Usage: python fastmcp_server.py PORT        serves http://127.0.0.1:PORT/mcp, both protocol eras

Tokens: `peer-alice-token` (scopes read, write), `peer-bob-token` (read), `peer-old-token` (expired).
Port 0 takes a free port. `LISTENING http://127.0.0.1:PORT/mcp` is printed once connections are taken.
"""

import asyncio
import json
import socket
import sys
from typing import Any

import uvicorn
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.prompts import Message
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from fastmcp.server.dependencies import get_access_token
from fastmcp.tools import Tool, ToolResult
from mcp_types import (
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequiredResult,
    SamplingMessage,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

TOKENS = {
    "peer-alice-token": {"client_id": "alice", "scopes": ["read", "write"]},
    "peer-bob-token": {"client_id": "bob", "scopes": ["read"]},
    "peer-old-token": {"client_id": "old", "scopes": ["read"], "expires_at": 1},
}

mcp = FastMCP("callsheet-peer", auth=StaticTokenVerifier(tokens=TOKENS, required_scopes=["read"]))


class Echo(Tool):
    """Takes whatever comes, without a schema that could change it on the way."""

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        # Python's integers are unbounded and its floats are written in the shortest form that reads back
        # the same, so the text is what arrived, number by number.
        text = json.dumps(arguments, ensure_ascii=False)
        return ToolResult(content=[TextContent(type="text", text=text)])


mcp.add_tool(
    Echo(
        name="echo",
        description="The arguments as they arrived, as JSON text",
        parameters={"type": "object", "additionalProperties": True},
    )
)


@mcp.tool
def whoami() -> dict[str, Any]:
    """Whose token it was."""
    token = get_access_token()
    return {"client_id": token.client_id, "scopes": token.scopes}


@mcp.tool
def write_note(text: str) -> str:
    """Stores nothing, but only for those who may write."""
    if "write" not in get_access_token().scopes:
        raise ToolError("the scope `write` is required")
    return f"stored {len(text)} characters"


@mcp.tool(
    output_schema={
        "type": "object",
        "properties": {
            "total": {"type": "number"},
            "count": {"type": "integer"},
            "currency": {"type": "string", "minLength": 3, "maxLength": 3},
        },
        "required": ["total", "count", "currency"],
    }
)
def order_totals(prices: list[float], currency: str) -> dict[str, Any]:
    """Structured content with an output schema."""
    return {"total": sum(prices), "count": len(prices), "currency": currency}


@mcp.tool
async def slow(seconds: float, ctx: Context) -> str:
    """Takes its time and tells how far it is."""
    steps = max(1, int(seconds * 10))
    for step in range(steps):
        await ctx.report_progress(step, steps)
        await asyncio.sleep(seconds / steps)
    await ctx.report_progress(steps, steps)
    return f"slept {seconds} s"


SIZES = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "Who orders"},
        "size": {"type": "integer", "default": 3},
    },
    "required": ["name"],
}


def is_modern(ctx: Context) -> bool:
    return ctx.request_context.protocol_version in MODERN_PROTOCOL_VERSIONS


@mcp.tool
async def ask_form(ctx: Context) -> Any:
    """Asks the user who orders, and which size, in the way of the version."""
    question = "Who orders, and which size?"
    if not is_modern(ctx):
        answer = await ctx.session.elicit(question, SIZES, related_request_id=ctx.request_id)
    elif ctx.input_responses is None:
        params = ElicitRequestFormParams(message=question, requested_schema=SIZES)
        return InputRequiredResult(input_requests={"sizes": ElicitRequest(params=params)}, request_state="asked")
    else:
        answer = ctx.input_responses["sizes"]
    return json.dumps({"action": answer.action, "content": answer.content})


@mcp.tool
async def ask_model(message: str, ctx: Context) -> Any:
    """Asks the client's model for a summary, in the way of the version."""
    content = TextContent(type="text", text=f"Summarize: {message}")
    messages = [SamplingMessage(role="user", content=content)]
    if not is_modern(ctx):
        answer = await ctx.session.create_message(messages, max_tokens=100, related_request_id=ctx.request_id)
    elif ctx.input_responses is None:
        params = CreateMessageRequestParams(messages=messages, max_tokens=100)
        return InputRequiredResult(input_requests={"summary": CreateMessageRequest(params=params)})
    else:
        answer = ctx.input_responses["summary"]
    return answer.content.text


jobs: list[dict[str, Any]] = []


@mcp.tool
def start_job(polls: int, faulted: bool = False) -> dict[str, int]:
    """Starts a job that has ended after so many polls of job://{number}/state."""
    jobs.append({"polls": polls, "end": "Faulted" if faulted else "Successful"})
    return {"job": len(jobs) - 1}


@mcp.tool
def cancel_job(number: int) -> str:
    """Ends a job, once."""
    if jobs[number]["end"] == "Cancelled":
        raise ToolError("the job is cancelled already")
    jobs[number] = {"polls": 0, "end": "Cancelled"}
    return "cancelled"


@mcp.resource("job://{number}/state", mime_type="application/json")
def job_state(number: str) -> str:
    """How a job stands."""
    job = jobs[int(number)]
    state = "Running" if job["polls"] > 0 else job["end"]
    job["polls"] -= 1
    return json.dumps({"state": state})


@mcp.completion
def complete(ref: Any, argument: Any, context: Any) -> Completion | None:
    """Names for the prompt `greeting`; those of a team where the context has one."""
    if getattr(ref, "name", None) != "greeting" or argument.name != "name":
        return None
    team = (context.arguments or {}).get("team") if context else None
    names = {"red": ["Rita"], None: ["Ada", "Alan", "Barbara", "Grace"]}[team]
    return Completion(values=[name for name in names if name.startswith(argument.value)], has_more=False)


@mcp.tool
def failing() -> str:
    """Always fails."""
    raise ToolError("the process faulted")


@mcp.resource("orders://catalog", mime_type="application/json")
def catalog() -> str:
    """What can be ordered."""
    return json.dumps([{"sku": "A-100", "price": 12.5}, {"sku": "B-200", "price": 99}])


@mcp.resource("invoice://{id}/state", mime_type="application/json")
def invoice_state(id: str) -> str:
    """The state of an invoice."""
    return json.dumps({"id": id, "state": "Successful"})


@mcp.prompt
def greeting(name: str) -> list[Message]:
    """A greeting."""
    return [Message(f"Say hello to {name}.")]


def main() -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(512)
    # The socket takes connections from here on; what comes before the server is up waits in its backlog.
    print(f"LISTENING http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
    app = mcp.http_app(path="/mcp")
    config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
