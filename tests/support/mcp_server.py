"""A server of the Model Context Protocol on standard input and output, with one tool: it notes what it is told."""

import json
import sys
from pathlib import Path
from typing import Any

_TOOL = {
    "name": "report_progress",
    "description": "Tells how far the work has come.",
    "inputSchema": {"type": "object", "properties": {"words": {"type": "string"}}, "required": ["words"]},
}


def answer(request: dict[str, Any], notes: Path) -> dict[str, Any] | None:
    """The answer to one message; nothing to a notification."""
    method, given = request.get("method"), request.get("params") or {}
    if "id" not in request:
        return None
    if method == "initialize":
        info = {"name": "plait", "version": "1"}
        version = given.get("protocolVersion", "2025-06-18")
        return {"result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}}
    if method == "tools/list":
        return {"result": {"tools": [_TOOL]}}
    if method == "tools/call":
        with notes.open("a", encoding="utf-8") as file:
            file.write(json.dumps(given.get("arguments")) + "\n")
        return {"result": {"content": [{"type": "text", "text": "noted"}]}}
    if method == "ping":
        return {"result": {}}
    return {"error": {"code": -32601, "message": f"no method {method}"}}  # claude begins with `server/discover`


def main(notes: str) -> None:
    """Answer line by line until nobody asks any more."""
    for line in sys.stdin:
        request = json.loads(line)
        if told := answer(request, Path(notes)):
            print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **told}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
