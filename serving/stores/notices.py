"""Carries out what Meta says about the account, in the transaction that stores it."""

from collections.abc import Sequence

from serving.notices import Notice
from serving.stores import consequences, senders
from serving.stores.alerts import Alert, raise_alerts
from serving.stores.database import Connection


async def act(
    connection: Connection, phone_number_id: str | None, notices: Sequence[Notice]
) -> None:
    """Without a number it is the whole account that is spoken of."""
    sender = phone_number_id or senders.ACCOUNT
    for notice in notices:
        if notice.alert:
            alert = Alert(notice.kind, notice.subject, notice.meaning, phone_number_id or "")
            await raise_alerts(connection, [alert])
        if notice.hold_until is not None:
            await senders.hold(connection, sender, notice.subject, notice.hold_until)
        if notice.release:
            await senders.release(connection, sender)
        if notice.throughput_mps is not None:
            await senders.set_throughput(connection, phone_number_id, notice.throughput_mps)
        if notice.template is not None:
            ref, state = notice.template
            await consequences.set_template_state(connection, ref.name, ref.language, state)
