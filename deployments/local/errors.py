"""What can go wrong on this machine, each as one line that says what to do."""


class LocalError(RuntimeError):
    """A service of this machine could not be started, stopped or asked."""


class PortTaken(LocalError):
    """Another program listens where we want to."""


class UsageError(LocalError):
    """What was asked for makes no sense; asking again in the same way will not help."""
