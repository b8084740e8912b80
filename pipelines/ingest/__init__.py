"""Batch ingestion: from a folder of documents to a published, versioned index. The only room that
uses Ray Data.

`job.run` is the table of contents. This room knows models (encoder, shard, manifest), never
serving.
"""
