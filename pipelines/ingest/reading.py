"""How a run reads documents: encoder and chunker, by their fingerprints."""

from models.open import open_encoder
from pipelines.ingest.config import Fingerprints, IngestConfig
from pipelines.ingest.documents import Reading
from pipelines.ingest.tokens import encoder_folder, tokenizer_fingerprint


def reading_of(config: IngestConfig) -> Reading:
    """Prepare the encoder's folder (about 40 s the first time) and fingerprint it, without loading
    the model.
    """
    folder = encoder_folder(config)
    encoder = open_encoder(config.encoder_id, config.models_dir, config.catalog)
    chunker = config.chunks.fingerprint(tokenizer_fingerprint(folder))
    return Reading(
        chunks=config.chunks,
        fingerprints=Fingerprints(chunker, encoder.fingerprint),
        tokenizer_folder=folder,
        num_shards=config.num_shards,
        max_document_bytes=config.max_document_bytes,
    )
