"""The routes of OSCQuery; `/` itself, which it shares with the page, is in page_routes.py."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from daemon.front_ends.http.door import door_of
from daemon.front_ends.http.messages import QueryState, ServiceNow
from daemon.front_ends.http.osc_query import ATTRIBUTES, host_info, node_at
from osc_protocol.errors import Code, ProtocolError

router = APIRouter()


@router.get("/backline{path:path}", include_in_schema=False)
async def osc_node(request: Request, path: str) -> Response:
    """Send a node of OSCQuery's tree."""
    return await osc_query_node(request, f"/backline{path}")


async def osc_query_node(request: Request, path: str) -> Response:
    """Send a node, one attribute of it, or /?HOST_INFO; what it has not is 204, as specified."""
    asked = request.url.query
    if asked == "HOST_INFO":
        now: ServiceNow = await door_of(request).link.ask(QueryState())
        return JSONResponse(host_info(now.osc_port))
    node = node_at(path)
    if node is None:
        raise ProtocolError(Code.NOT_FOUND, "there is no such address of OSC", "path")
    if not asked:
        return JSONResponse(node)
    if asked not in ATTRIBUTES:
        sentence = f"query must be one of HOST_INFO, {', '.join(ATTRIBUTES)}"
        raise ProtocolError(Code.OUT_OF_RANGE, sentence, "query")
    return JSONResponse({asked: node[asked]}) if asked in node else Response(status_code=204)
