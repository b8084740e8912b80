"""Stored shapes of the request path's values: JSON, encrypted by the caller."""

from pydantic import TypeAdapter

from serving.types import Draft, Reply, StepTiming, TurnRecord

record_codec = TypeAdapter(TurnRecord)
draft_codec = TypeAdapter(Draft)
reply_codec = TypeAdapter(Reply)
timings_codec = TypeAdapter(tuple[StepTiming, ...])
