"""What can go wrong in a run, grouped by what the caller does about it."""


class IngestError(Exception):
    """Base of the errors below."""


class InputError(IngestError):
    """The corpus, the index or an option cannot be used as given; the message says which."""


class Refused(IngestError):
    """The new index was built but must not be published; the live one is untouched."""


class Interrupted(IngestError):
    """A process or a node of the run died; the same command goes on where it stopped."""


class Unreadable(IngestError):
    """One document cannot be read; it is quarantined with this reason and the run goes on."""


class Unsupported(Unreadable):
    """No reader for this kind of file; listed, but not held against the failure budget."""
