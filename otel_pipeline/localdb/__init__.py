"""The local ClickHouse: the real server that the ``chdb`` wheel carries, HyperDX included, in its own process."""
