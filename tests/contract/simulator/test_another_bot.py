"""Another bot's client and webhook parser (pywa), which know nothing of this project, work here."""

import threading
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pywa import WhatsApp, errors, types

from simulator.app import create_app
from tests.contract.simulator.rig import DANA, NUMBER, QUICK, SECRET, TOKEN, VERIFY, make_settings

WAIT_S = 15.0


class Bot:
    """pywa over a simulator of its own: it answers and writes down what it heard."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.changed = threading.Condition()
        web = FastAPI()
        app = create_app(
            make_settings(),
            webhook_transport=httpx.ASGITransport(web),  # its webhook
        )
        self.phone = TestClient(app).__enter__()
        calls = TestClient(app)  # of Graph, in the event loop in which the simulator runs
        calls.portal = self.phone.portal
        self.client = WhatsApp(
            phone_id=NUMBER,
            token=TOKEN,
            session=calls,
            server=web,
            webhook_endpoint="/webhook",
            verify_token=VERIFY,
            app_secret=SECRET,
        )
        self.client.on_message(self.hear)
        self.client.on_callback_button(self.hear)
        self.client.on_message_status(self.hear)
        self.phone.patch("/sim/faults", json={"statuses": QUICK}).raise_for_status()

    def hear(self, _client: WhatsApp, update: Any) -> None:
        with self.changed:
            self.heard.append(update)
            self.changed.notify_all()

    def says(self, **action: Any) -> None:
        path = f"/sim/customers/{DANA}/messages"
        self.phone.post(path, json=action).raise_for_status()

    def wait_for(self, kind: type, **attributes: Any) -> Any:
        def found() -> Any:
            return next(
                (
                    update
                    for update in self.heard
                    if isinstance(update, kind)
                    and all(getattr(update, key) == value for key, value in attributes.items())
                ),
                None,
            )

        with self.changed:
            assert self.changed.wait_for(found, WAIT_S), self.heard
            return found()


@pytest.fixture
def bot() -> Any:
    made = Bot()
    yield made
    made.phone.__exit__(None, None, None)


def test_its_parser_reads_our_webhooks_and_its_client_our_answers(bot: Bot) -> None:
    """A message is heard with its sender, the reply arrives, and its statuses are heard."""
    bot.says(text="Is the Hampta trek open?")
    message = bot.wait_for(types.Message)
    assert message.text == "Is the Hampta trek open?"
    assert message.from_user.wa_id == DANA
    sent = bot.client.send_message(to=f"+{DANA}", text="Yes, from June.")
    status = bot.wait_for(types.MessageStatus, id=sent.id)
    assert status.status in {types.MessageStatusType.SENT, types.MessageStatusType.DELIVERED}
    chat = bot.phone.get(f"/sim/customers/{DANA}/messages").json()["messages"]
    assert [one["text"] for one in chat] == ["Is the Hampta trek open?", "Yes, from June."]


def test_its_buttons_can_be_tapped(bot: Bot) -> None:
    """An interactive message of its making is accepted, and the tap comes back with its data."""
    bot.says(text="hi")
    bot.wait_for(types.Message)
    bot.client.send_message(
        to=f"+{DANA}",
        text="A person?",
        buttons=[types.Button(title="Yes, please", callback_data="human:yes")],
    )
    bot.says(type="button", button_id="human:yes")
    assert bot.wait_for(types.CallbackButton).data == "human:yes"


def test_it_recognises_our_errors(bot: Bot) -> None:
    """A refusal has the shape of Graph's: pywa raises its own exception for the code."""
    bot.phone.patch(
        "/sim/faults", json={"sends": [{"kind": "error", "code": 131056}]}
    ).raise_for_status()
    with pytest.raises(errors.TooManyMessages):
        bot.client.send_message(to=f"+{DANA}", text="Hello")


def test_its_signature_check_agrees_with_our_signing(bot: Bot) -> None:
    """Text that Meta escapes before signing passes; a wrong signature does not."""
    bot.says(text="Café 50% </3 😀 a@b.c")
    assert bot.wait_for(types.Message).text == "Café 50% </3 😀 a@b.c"
    wrong = {"payload": {"entry": []}, "signature": "wrong"}
    answer = bot.phone.post("/sim/webhooks/raw", json=wrong).json()
    (delivery,) = answer["deliveries"]
    assert delivery["attempts"][0]["status_code"] == 403
