"""What can go wrong on this machine, each as one line that says what to do."""


class LocalError(RuntimeError):
    """A service of this machine could not be started or stopped."""


class PortTaken(LocalError):
    """Another program listens where we want to."""
