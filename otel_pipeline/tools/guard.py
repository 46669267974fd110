"""The guard before read-only SQL: which statements of people and agents reach the engine at all.

Two readings. Ours comes first, by tokens: table functions, functions, clauses and system tables against lists, so that
what can end the server (``Python()``) or leave it (``url()``, ``file()``, ``remote()``) is never sent. Then the
engine's own parser (``EXPLAIN AST``, which runs nothing) has to agree about the kind of statement, every table function
and every table. Behind both stands the reader account, which may read the project's tables and nothing else.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from otel_pipeline.tools.tokens import Refused, Token, tokens


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


TABLE_FUNCTIONS = words("numbers numbers_mt zeros zeros_mt generateseries generate_series values null")
"""Table functions that make rows out of their arguments alone."""

# Of every other table function that is known; a name that is not known is refused where a table is expected.
REFUSED_TABLE_FUNCTIONS = words(
    """azureblobstorage azureblobstoragecluster azurequeue bigquery cluster clusterallreplicas cosn dictionary eval
    executable filesystem fuzzjson fuzzquery gcs generaterandom hdfs hdfscluster hive hudi input jdbc kafka loop merge
    mongodb mysql nats nosql odbc oss postgresql python rabbitmq redis remote remotesecure s3 s3cluster s3queue sqlite
    url urlcluster view viewexplain viewifpermitted ytsaurus mergetreeindex mergetreeprojection mergetreetextindex
    mergetreecodecblockcounts mergetreeanalyzeindexes mergetreeanalyzeindexesuuid prometheusquery prometheusqueryrange
    timeseriesselector timeseriesdata timeseriestags timeseriesmetrics timeseriessamples timeseriesmetricfamilies
    arrowflight chdb sqlstandardvalues ytsaurusdyntable primes"""
)
REFUSED_FUNCTIONS = words(
    """sleep sleepeachrow file getsetting getsettingordefault getserversetting getmergetreesetting getmacro
    getclienthttpheader globalvariable hostname fqdn fullhostname displayname serveruuid tcpport getserverport
    filesystemavailable filesystemcapacity filesystemfree filesystemunreserved joinget jointget jointgetornull
    joingetornull reversednsquery showcertificate addresstoline addresstolinewithinlines addresstosymbol demangle
    evalmlmethod catboostevaluate modelevaluate throwif generateserialid getoskernelversion currentrequesturl
    currentprofiles enabledprofiles defaultprofiles currenthandler trap logtrace initialqueryid jemalloc stacktrace
    formatqueryfromjson parsequerytojson getpublicsshkey buildid zookeepersessionuptime naivebayesclassifier
    __getscalar __applyfilter __actionname __scalarsubqueryresult connectionid connection_id
    transactionid transactionlatestsnapshot transactionoldestsnapshot"""
)
# Families that reach out: data lakes of every storage, dictionaries (whose source may be anything), models.
REFUSED_FAMILIES = re.compile(r"(dictget|dicthas|dictisin|region|iceberg|deltalake|paimon|hudi|ai[a-z]+$|llm|http)")

SYSTEM_TABLES = words(
    """aggregate_function_combinators columns data_skipping_indices data_type_families databases formats functions
    merge_tree_settings numbers numbers_mt one parts parts_columns projections table_engines table_functions tables
    time_zones zeros zeros_mt"""
)
EXPLAINS = words("AST SYNTAX QUERY TREE PLAN PIPELINE ESTIMATE")
SHOWS = words("TABLES DATABASES COLUMNS FIELDS INDEX INDEXES INDICES KEYS")
# Words that open or end something else than a reading query, wherever they stand as bare words.
REFUSED_CLAUSES = {
    "SETTINGS": "no SETTINGS clause; the limits are fixed",
    "INTO": "no INTO; the answer comes back to you",
    "OUTFILE": "no OUTFILE; the answer comes back to you",
    "INSERT": "reading only",
    "PARALLEL": "one statement; no PARALLEL WITH",
}
GROUND_TRUTH = "fault_ledger"
# Right of IN the engine takes a table function, too; these make plain values.
SETS = words("tuple array range cast _cast arraymap arrayfilter mapkeys mapvalues")
STATEMENTS = ("SelectWithUnionQuery", "SelectIntersectExceptQuery", "SelectQuery", "DescribeQuery", "Explain ", "Show")
_NODE = re.compile(r"^( *)(Function|TableFunction|TableIdentifier|TableExpression|Set)\b ?(.*)$")
_TAIL = re.compile(r"( \(alias .*?\))?( \(children \d+\))?$")


@dataclass(frozen=True)
class Statement:
    """A statement that the guard lets through.

    :param sql: what is to be sent: without comments and closing semicolon. :param verb: its first word.
    """

    sql: str
    verb: str


def check(sql: str) -> Statement:
    """Read a statement by its tokens; nothing is sent anywhere.

    :raises Refused: what is wrong with it.
    """
    found, clean = tokens(sql)
    body = found
    while body and body[0].text == "(":
        body = body[1:]
    verb = body[0].upper if body else ""
    if verb == "EXPLAIN":
        _explain(body)
    elif verb == "SHOW":
        _show(body)
    elif verb in ("DESCRIBE", "DESC"):
        _describe(body)
    elif verb not in ("SELECT", "WITH"):
        raise Refused("reading only: one SELECT, WITH, SHOW, DESCRIBE or EXPLAIN")
    _clauses(found)
    _calls(found)
    _system(found)
    return Statement(clean, "DESCRIBE" if verb == "DESC" else verb)


def agree(tree: str, database: str) -> None:
    """Hold the engine's reading of a statement (the answer of ``EXPLAIN AST``) against the same lists.

    :param database: the project's database, the only one besides ``system`` that may be named.
    :raises Refused: the engine reads something in it that is not allowed.
    """
    lines = tree.splitlines()
    if not lines or not lines[0].startswith(STATEMENTS):
        raise Refused("the engine takes this for something else than a reading statement")
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        node = _NODE.match(line)
        if node is None:
            continue
        kind, name = node[2], _TAIL.sub("", node[3])
        if kind == "TableExpression":
            inner = _NODE.match(after)
            if inner and inner[2] in ("Function", "TableFunction"):
                _table_function(_TAIL.sub("", inner[3]).lower())
        elif kind == "Set" and lines[0].startswith("Explain ") and len(node[1]) == 1:
            continue  # EXPLAIN indexes = 1 ...
        elif kind == "Set":
            raise Refused(REFUSED_CLAUSES["SETTINGS"])
        elif kind == "TableIdentifier":
            _table(name, database)
        else:
            _function(name.lower())


def _explain(body: Sequence[Token]) -> None:
    """EXPLAIN KIND setting = value, ... of a query."""
    for at, token in enumerate(body[1:], 1):
        if token.upper in ("SELECT", "WITH") or token.text == "(":
            return
        following = body[at + 1].text if at + 1 < len(body) else ""
        if token.upper not in EXPLAINS and following != "=" and token.kind != "number" and token.text not in ("=", ","):
            raise Refused("EXPLAIN a SELECT, please: PLAN, PIPELINE, SYNTAX, AST, ESTIMATE or QUERY TREE")
    raise Refused("EXPLAIN what? Add a SELECT")


def _show(body: Sequence[Token]) -> None:
    words = [token.upper for token in body[1:] if token.upper not in ("FULL", "EXTENDED", "TEMPORARY")]
    if words[:1] != ["CREATE"] and set(words[:1]) <= SHOWS and words:
        return
    if words[:1] == ["CREATE"] and words[1:2] in (["TABLE"], ["VIEW"]):
        return
    raise Refused("SHOW only TABLES, DATABASES, COLUMNS, INDEXES, CREATE TABLE or CREATE VIEW")


def _describe(body: Sequence[Token]) -> None:
    rest = body[2:] if len(body) > 1 and body[1].upper == "TABLE" else body[1:]
    if not rest:
        raise Refused("DESCRIBE what? Add a table")
    if rest[0].name and len(rest) > 1 and rest[1].text == "(":
        _table_function(rest[0].name)


def _clauses(found: Sequence[Token]) -> None:
    depth = 0
    for at, token in enumerate(found):
        depth += (token.kind == "mark" and token.text == "(") - (token.kind == "mark" and token.text == ")")
        before = found[at - 1].text if at else ""
        if token.upper in REFUSED_CLAUSES and before != ".":
            raise Refused(REFUSED_CLAUSES[token.upper])
        if token.upper == "FORMAT" and at and not depth and before not in (".", ",") and at + 2 >= len(found):
            raise Refused("no FORMAT clause; the answer comes back as rows")


def _calls(found: Sequence[Token]) -> None:
    """Every name before an opening bracket; where a table is expected, against the list of those allowed."""
    for at, token in _called(found):
        name = token.name
        if not re.fullmatch(r"\w+", name, re.ASCII):
            raise Refused(f"{token.text[:40]!r} is no name of a function")
        before = found[at - 1].upper if at else ""
        # FROM within a call (trim(x FROM y), extract(day FROM f(x))) takes an expression; the engine's reading tells.
        unrolled = before == "JOIN" and found[at - 2].upper == "ARRAY"
        if before in ("FROM", "JOIN", "TABLE") and not unrolled and not _within_call(found, at):
            _table_function(name)
        if before == "IN" and name not in SETS:
            _table_function(name)
        _function(name)


def _called(found: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    for at, token in enumerate(found[:-1]):
        after = found[at + 1]
        if token.name and after.kind == "mark" and after.text == "(":
            yield at, token


def _within_call(found: Sequence[Token], at: int) -> bool:
    """Whether the innermost bracket around a token is that of ``trim``, ``extract``, ``substring`` or ``overlay``."""
    depth = 0
    for back in range(at - 1, 0, -1):
        text = found[back].text if found[back].kind == "mark" else ""
        depth += (text == ")") - (text == "(")
        if depth < 0:
            return found[back - 1].name in ("trim", "extract", "substring", "substr", "overlay", "position")
    return False


def _system(found: Sequence[Token]) -> None:
    """System tables by their names, however they are written."""
    for at, token in enumerate(found[:-2]):
        if token.name == "system" and found[at + 1].text == ".":
            _table(f"system.{found[at + 2].text}", "")
    for token in found:
        if token.kind == "quoted" and token.name.startswith("system."):
            _table(token.name, "")
        if token.name.rpartition(".")[2] == GROUND_TRUTH:
            raise Refused(f"{GROUND_TRUTH} holds what was broken on purpose: it judges answers and is no evidence")


def _function(name: str) -> None:
    refused = name in REFUSED_FUNCTIONS or name in REFUSED_TABLE_FUNCTIONS or bool(REFUSED_FAMILIES.match(name))
    if refused:
        raise Refused(f"function {name[:60]} is not allowed: it can reach files, the network or the server itself")


def _table_function(name: str) -> None:
    if name not in TABLE_FUNCTIONS:
        allowed = "numbers, zeros, generate_series, values"
        raise Refused(f"table function {name[:60]} is not allowed; tables of the project, and {allowed}, are")


def _table(name: str, database: str) -> None:
    qualifier, _, table = name.rpartition(".")
    if qualifier.lower() == "system" and table.lower() not in SYSTEM_TABLES:
        raise Refused(
            f"{name[:80]} is not for reading here; of system, {', '.join(sorted(SYSTEM_TABLES)[:5])}, ... are"
        )
    if database and qualifier and qualifier.lower() != "system" and qualifier not in (database, f"`{database}`"):
        raise Refused(f"{name[:80]} is of another database; this one is {database}")
