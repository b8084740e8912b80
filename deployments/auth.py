"""The API key of /v1, /knowledge and /admin."""

import hmac
from functools import cache
from typing import Annotated

from fastapi import Header, HTTPException

from deployments.settings import load_settings


@cache
def _api_key() -> str:
    return load_settings().api_key


async def require_api_key(authorization: Annotated[str, Header()] = "") -> None:
    """401 unless the request carries our key as a bearer token."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(key.encode(), _api_key().encode()):
        raise HTTPException(401, "missing or wrong API key (Authorization: Bearer ...)")
