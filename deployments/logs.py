"""Where our log lines go inside a replica: into Serve's own log, with its replica names."""

import logging

OURS = ("switchback", "serving", "models")


def adopt() -> None:
    """Send the project's loggers to Serve's handlers; outside a replica it changes nothing."""
    serve = logging.getLogger("ray.serve")
    for name in OURS:
        logger = logging.getLogger(name)
        logger.handlers = list(serve.handlers)
        logger.setLevel(serve.level)
