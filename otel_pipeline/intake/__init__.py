"""OTLP intake: HTTP and gRPC → durable spool → ClickHouse.

A body is validated, appended to the spool (one fsync for all that wait), acknowledged; a writer hands whole spool files
to the engine, which parses the protobuf itself. Bytes in, SQL inside: no Python object per span.

- :mod:`protocol`: one body: decompress, validate, JSON to protobuf (with :mod:`messages`, :mod:`values`).
- :mod:`segments`, :mod:`spool`: files of bodies on disk, acknowledged after fsync. :mod:`recovery`: after a crash.
- :mod:`statements`: the INSERT statements and message definitions.
- :mod:`writer`: spool files into ClickHouse, exactly once; what the engine refuses goes to the dead-letter folder.
- :mod:`doors`, :mod:`http`, :mod:`grpc`: the two protocols. :mod:`telemetry`: its own metrics.
- :mod:`service`: all of it in one process.
"""
