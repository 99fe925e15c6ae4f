"""An MCP server for callsheet's tests that is built with the Python SDK alone: package `mcp`, no tokens.

Usage: python python_server.py PORT        serves http://127.0.0.1:PORT/mcp, both protocol eras

It has a part of the fixtures of the official conformance suite, made in the SDK's own ways: so some of its scenarios
hold, and some do not. Port 0 takes a free port. `LISTENING http://127.0.0.1:PORT/mcp` is printed once connections are
taken.
"""

import asyncio
import base64
import socket
import sys
from typing import Any

import uvicorn
from mcp.server.mcpserver import Audio, Context, Image, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel

# The smallest picture that is one, and a sound of no length.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
SILENCE = base64.b64decode("UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=")

mcp = MCPServer("callsheet-python-peer", version="1.0.0", log_level="WARNING")


def resource(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(
        type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    )


@mcp.tool()
def test_simple_text() -> str:
    """A text."""
    return "This is a simple text response for testing."


@mcp.tool()
def test_image_content() -> Image:
    """A picture."""
    return Image(data=PIXEL, format="png")


@mcp.tool()
def test_audio_content() -> Audio:
    """A sound."""
    return Audio(data=SILENCE, format="wav")


@mcp.tool(structured_output=False)
def test_embedded_resource() -> list[Any]:
    """A resource."""
    return [resource("test://embedded-resource", "This is an embedded resource content.")]


@mcp.tool(structured_output=False)
def test_multiple_content_types() -> list[Any]:
    """A text, a picture and a resource."""
    data = resource("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
    return [TextContent(type="text", text="Multiple content types test:"), Image(data=PIXEL, format="png"), data]


@mcp.tool()
def test_error_handling() -> str:
    """Fails."""
    raise ValueError("This tool intentionally returns an error for testing")


@mcp.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    """Writes three messages into the log."""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(message)
        await asyncio.sleep(0.02)
    return "done"


@mcp.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    """Tells how far it is."""
    for step in (0, 50, 100):
        await ctx.report_progress(step, 100)
        await asyncio.sleep(0.02)
    return "done"


class User(BaseModel):
    username: str
    email: str


@mcp.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks the user, in the way of the older versions."""
    answer = await ctx.elicit(message, User)
    content = answer.data.model_dump_json() if answer.action == "accept" else "none"
    return f"User response: {answer.action}, content: {content}"


NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@mcp.tool(structured_output=False)
def test_input_required_result_elicitation(ctx: Context) -> Any:
    """Asks the user, in the way of 2026-07-28."""
    answer = (ctx.input_responses or {}).get("user_name")
    if answer is None:
        question = ElicitRequest(params=ElicitRequestFormParams(message="What is your name?", requested_schema=NAME))
        return InputRequiredResult(input_requests={"user_name": question})
    return f"Hello, {(answer.content or {}).get('name')}!"


@mcp.tool(structured_output=False)
def test_input_required_result_sampling(ctx: Context) -> Any:
    """Asks the client's model."""
    answer = (ctx.input_responses or {}).get("capital_question")
    if answer is None:
        text = TextContent(type="text", text="What is the capital of France?")
        params = CreateMessageRequestParams(messages=[SamplingMessage(role="user", content=text)], max_tokens=100)
        return InputRequiredResult(input_requests={"capital_question": CreateMessageRequest(params=params)})
    return f"LLM response: {answer.content.text}"


@mcp.tool(structured_output=False)
def test_input_required_result_list_roots(ctx: Context) -> Any:
    """Asks for the client's roots."""
    answer = (ctx.input_responses or {}).get("client_roots")
    if answer is None:
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
    return ", ".join(str(root.uri) for root in answer.roots)


@mcp.resource("test://static-text", mime_type="text/plain")
def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


@mcp.resource("test://static-binary", mime_type="image/png")
def static_binary() -> bytes:
    """A picture."""
    return PIXEL


@mcp.resource("test://template/{id}/data", mime_type="application/json")
def template(id: str) -> str:
    """Data of an id."""
    return f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}'


@mcp.prompt()
def test_simple_prompt() -> str:
    """A prompt."""
    return "This is a simple prompt for testing."


@mcp.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@mcp.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    """A prompt with a resource in it."""
    text = resource(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(text), UserMessage("Please process the embedded resource above.")]


@mcp.prompt()
def test_prompt_with_image() -> list[UserMessage]:
    """A prompt with a picture in it."""
    picture = ImageContent(type="image", data=base64.b64encode(PIXEL).decode(), mime_type="image/png")
    return [UserMessage(picture), UserMessage("Please analyze the image above.")]


@mcp.completion()
async def complete(ref: Any, argument: Any, context: Any) -> Completion | None:
    """Values for the first argument of a prompt."""
    values = [value for value in ("paris", "park", "party", "test") if value.startswith(argument.value)]
    return Completion(values=values, total=len(values), has_more=False)


def main() -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(512)
    # The socket takes connections from here on; what comes before the server is up waits in its backlog.
    print(f"LISTENING http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
    config = uvicorn.Config(
        mcp.streamable_http_app(), log_level="warning", lifespan="on", timeout_graceful_shutdown=1
    )
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
