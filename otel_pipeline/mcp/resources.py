"""Resources: the text of the named queries that evidence cites, for whoever wants to read what a figure rests on."""

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, ReadResourceResult, Resource, TextResourceContents

from otel_pipeline import sqlfiles
from otel_pipeline.tools import evidence

SCHEME = "otel-pipeline://query/"


def listed() -> list[Resource]:
    """Every named query that run_sql runs."""
    return [
        Resource(uri=f"{SCHEME}{name}", name=name, description=_grain(name), mime_type="application/sql")
        for name in evidence.names()
    ]


def read(uri: str) -> ReadResourceResult:
    """The text of a named query.

    :raises MCPError: there is none of that name.
    """
    name = uri.removeprefix(SCHEME)
    if not uri.startswith(SCHEME) or name not in evidence.names():
        raise MCPError(INVALID_PARAMS, f"no resource {uri[:100]}; resources/list has all")
    text = sqlfiles.query(name)
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type="application/sql", text=text)])


def _grain(name: str) -> str:
    return sqlfiles.query(name).splitlines()[0].removeprefix("-- ")
