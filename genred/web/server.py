"""Listen for browsers until told to stop."""

import sys
from collections.abc import Callable

import uvicorn

from genred.config import Config
from genred.web.app import create


def serve(load: Callable[[], Config]) -> None:
    """Answer browsers until told to stop.

    Parameters
    ----------
    load
        Loads the configuration as it is now.
    """
    config = load()
    app = create(load)
    print(f"http://{config.web.host}:{config.web.port}/", file=sys.stderr)
    uvicorn.run(app, host=config.web.host, port=config.web.port, log_level="warning", server_header=False)
