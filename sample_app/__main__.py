"""``python -m sample_app SERVICE``: run one service of the shop until SIGTERM or SIGINT."""

import os
import sys

os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http,database"
"""Current names of HTTP and database attributes; read by the instrumentation when it is imported."""

if __name__ == "__main__":
    from sample_app.run import main

    sys.exit(main(sys.argv[1:]))
