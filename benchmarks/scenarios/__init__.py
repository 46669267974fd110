"""``make scenarios``: the three questions of the original plan, asked by the official MCP client, judged by the ledger.

stage     a database in which three faults have happened: that of OTEL_PIPELINE_HOME, or a fresh one
clients   the official client over stdio and HTTP; every answer is measured
asked     the same through ``otel-pipeline ask`` and a scripted model
story     the three scenarios as an agent would go through them
page      what a person reads
"""
