"""Everything that models raises on purpose, so that a caller can tell a bad file from a bug."""


class ModelsError(Exception):
    """Base of the errors below."""


class CatalogError(ModelsError):
    """The model catalogue says something impossible; the message names the model and the field."""


class UnknownModel(ModelsError):
    """No such model, profile or tier in the catalogue."""


class SourceUnavailable(ModelsError):
    """None of a model's sources could be used; the message gives the reason for each."""


class CorruptModel(ModelsError):
    """A model folder or its source differs from its recorded checksum."""


class CorruptShard(ModelsError):
    """A shard's files are missing, or differ from the checksums in its shard.json."""


class WrongEncoder(ModelsError):
    """A shard or epoch was built with another encoder than the one that searches it."""


class ManifestError(ModelsError):
    """An epoch's manifest or the CURRENT pointer is missing, unreadable or of another format."""


class PointerMoved(ModelsError):
    """The published epoch is not the one that a writer began from; nothing was changed."""
