"""What a newcomer, Meta and operations see of a whole running instance with real models."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from deployments.local.phone import Phone
from deployments.settings import load_settings
from serving.flow import FLOW
from tests.acceptance.conftest import ROOT, Instance

pytestmark = [
    pytest.mark.slow,
    pytest.mark.models,
    pytest.mark.cluster,
    pytest.mark.timeout(1500),
]

Eventually = Callable[[Callable[[], bool], float], None]
HAMPTA_SEPTEMBER_INR = "10,500"


def replies_to(instance: Instance, customer: str) -> list[dict[str, Any]]:
    """What the customer's phone shows from the business."""
    answer = httpx.get(f"{instance.simulator}/sim/customers/{customer}/messages", timeout=10)
    messages: list[dict[str, Any]] = answer.json()["messages"]
    return [message for message in messages if message["direction"] == "out"]


def test_a_price_question_gets_a_grounded_cited_answer(instance: Instance) -> None:
    """The corpus's price, written by our own model, through all eleven steps."""
    answer = instance.ask(
        "How much is the Hampta Pass trek in September and what is included?", "15550100123"
    )
    assert HAMPTA_SEPTEMBER_INR in answer["reply"], answer
    assert "smollm2" in answer["model"].lower()
    assert answer["citations"]
    assert {"doc", "revision", "span", "epoch"} <= set(answer["citations"][0])
    assert [step["name"] for step in answer["steps"]] == [spec.name for spec in FLOW]
    assert {step["outcome"] for step in answer["steps"]} == {"ok"}


@pytest.mark.parametrize(
    ("language", "text", "sender"),
    [
        ("hi", "हम्प्टा पास ट्रेक की कीमत कितनी है?", "15550100131"),
        ("es", "¿Cuánto cuesta el trek de Hampta Pass en septiembre?", "15550100132"),
        ("fr", "Combien coûte le trek Hampta Pass en septembre ?", "15550100133"),
    ],
)
def test_an_answer_is_in_the_customers_language(
    instance: Instance, language: str, text: str, sender: str
) -> None:
    """Where the small model cannot write the language, a quoted passage does, and it says so."""
    answer = instance.ask(text, sender)
    assert answer["language"] == language
    assert HAMPTA_SEPTEMBER_INR in answer["reply"], answer
    assert answer["degraded"], "a small English model wrote this without a mark"


def test_status_lists_every_deployment_healthy(instance: Instance) -> None:
    """Ingress, router, eleven steps, language model, encoder, shards and searcher are all up."""
    status = instance.json("status")
    assert status["ready"]
    expected = {spec.name for spec in FLOW} | {"ingress", "router", "encoder", "searcher"}
    expected |= {"shard_0", "shard_1", "gateway", "LLMServer:smollm2-135m-instruct"}
    assert expected <= set(status["deployments"])
    for name, state in status["deployments"].items():
        assert state["healthy"] == state["replicas"] >= 1, name


def test_the_openai_client_talks_to_our_models(instance: Instance) -> None:
    """Chat, streamed chat and embeddings work through the official client; a wrong key does not."""
    base_url = f"http://127.0.0.1:{instance.env['SWITCHBACK_HTTP_PORT']}/v1"
    client = openai.OpenAI(base_url=base_url, api_key=api_key(instance))
    model = "smollm2-135m-instruct"
    question: Any = [{"role": "user", "content": "What is the capital of France?"}]
    chat = client.chat.completions.create(
        model=model, messages=question, max_tokens=16, temperature=0
    )
    assert "Paris" in (chat.choices[0].message.content or "")
    stream = client.chat.completions.create(
        model=model, messages=question, max_tokens=16, temperature=0, stream=True
    )
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert "Paris" in streamed
    vectors = client.embeddings.create(model="multilingual-e5-small", input=["a", "b"])
    assert [len(item.embedding) for item in vectors.data] == [384, 384]
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=base_url, api_key="wrong").models.list()


def test_scaling_one_deployment_restarts_nothing(
    instance: Instance, eventually: Eventually
) -> None:
    """`scale` changes that deployment alone and leaves every other process as it was."""
    before = pids(instance)
    done = instance.cli("scale", "parse_message=2")
    assert done.returncode == 0, done.stderr
    eventually(lambda: len(instance.replicas("agent", "parse_message")) == 2, 120)
    after = pids(instance)
    assert set(before["parse_message"]) < set(after.pop("parse_message"))
    assert after == {name: ids for name, ids in before.items() if name != "parse_message"}
    assert instance.cli("scale", "no_such_step=2").returncode == 2


def test_killed_replicas_cost_no_reply_and_double_none(
    instance: Instance, eventually: Eventually
) -> None:
    """kill -9 during a turn, of the router and of the language model: one reply all the same."""
    # Different questions: the same one again would be answered without a model.
    killed = {
        "15550100141": ("agent", "router", "What is the maximum altitude of Kedarkantha?"),
        "15550100142": (
            "models",
            "LLMServer:smollm2-135m-instruct",
            "How high is the highest point of the Hampta Pass trek?",
        ),
    }
    for sender, (app, deployment, question) in killed.items():
        write(instance, sender, question)
        eventually(lambda: "switchback_inbox_pending 1" in instance.metrics(), 30)
        instance.kill(app, deployment)
        eventually(lambda sender=sender: len(replies_to(instance, sender)) == 1, 120)
    time.sleep(15)  # longer than a lease: a second reply would have come by now
    assert [len(replies_to(instance, sender)) for sender in killed] == [1, 1]


def test_administration_over_http_and_command_line(instance: Instance) -> None:
    """A conversation is taken over and handed back, a turn run again, a person erased for good."""
    customer = "15550100181"
    asked = instance.ask("What is the altitude of Kedarkantha?", customer)
    key = {"Authorization": f"Bearer {load_settings(instance.env).api_key}"}
    address = f"http://127.0.0.1:{instance.env['SWITCHBACK_HTTP_PORT']}/admin"
    with httpx.Client(base_url=address, headers=key, timeout=30) as http:
        assert httpx.get(f"{address}/conversations").status_code == httpx.codes.UNAUTHORIZED
        (found,) = http.post("/conversations/find", json={"identifier": customer}).json()
        url = f"/conversations/{found['conversation_id']}"
        assert http.post(f"{url}/take-over").json() == {"outcome": "changed"}
        assert http.get(url).json()["handoff"]["reason"] == "agent"
        assert http.post(f"{url}/hand-back").json() == {"outcome": "changed"}
    report = instance.json("replay", asked["turn_id"])
    outcomes = {step["name"]: step["outcome"] for step in report["steps"]}
    assert list(outcomes) == [spec.name for spec in FLOW]
    assert (outcomes["parse_message"], outcomes["send_message"]) == ("same", "left out")
    assert 'step="generate_response",outcome="ok"' in instance.metrics()
    assert instance.json("privacy", "erase", customer, "--yes")["verified"]["absent"]


def test_stop_is_confirmed_once_and_then_silent(instance: Instance) -> None:
    """After an opt-out nothing but its one confirmation is sent."""
    sender = "15550100151"
    assert instance.ask("STOP", sender)["reply"]
    done = instance.cli("ask", "How much is Kedarkantha?", "--from", sender, "--timeout", "10")
    assert done.returncode == 1
    assert len(replies_to(instance, sender)) == 1


def test_an_ingest_job_is_picked_up_without_a_restart(
    instance: Instance, eventually: Eventually, tmp_path: Any
) -> None:
    """`ray job submit` publishes an epoch and the searcher answers from it; no process changes."""
    corpus = tmp_path / "corpus"
    subprocess.run(["cp", "-r", str(ROOT / "corpus"), str(corpus)], check=True)
    note = corpus / "documents" / "faq" / "tea-house.md"
    note.write_text(
        "---\ntitle: The tea house at Jobra\ntype: faq\nlanguage: en\n---\n\n"
        "# The tea house at Jobra\n\n"
        "The tea house at Jobra serves apricot soup to trekkers every evening.\n",
        encoding="utf-8",
    )
    before, old_epoch = pids(instance), instance.json("status")["epoch"]
    command = [sys.executable, "-m", "ray.scripts.scripts", "job", "submit"]
    command += ["--address", instance.dashboard, "--", sys.executable, "-m", "pipelines.ingest"]
    command += ["run", "--corpus", str(corpus)]
    job = subprocess.run(
        command,
        cwd=ROOT,
        env=instance.env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert job.returncode == 0, job.stdout[-3000:] + job.stderr[-1000:]
    eventually(lambda: instance.json("status")["epoch"] != old_epoch, 60)
    answer = instance.ask("What soup does the tea house at Jobra serve?", "15550100161")
    assert answer["citations"][0]["epoch"] != old_epoch
    assert "apricot" in answer["reply"].lower(), answer
    after = pids(instance)  # autoscaling may have added replicas; none may have been replaced
    assert all(set(before[name]) <= set(after[name]) for name in ("searcher", "shard_0", "shard_1"))


def test_a_dead_head_and_a_restart_lose_nothing(instance: Instance, eventually: Eventually) -> None:
    """What was being answered is answered once; chat, index and opt-out are there as before."""
    # What other tests killed has come back.
    eventually(lambda: bool(instance.json("status")["ready"]), 300)
    before = instance.json("status")
    chat = replies_to(instance, "15550100123")
    assert chat
    asked = "15550100201"
    write(instance, asked, "How many days does the Valley of Flowers trek take?")
    eventually(lambda: "switchback_inbox_pending 1" in instance.metrics(), 30)
    instance.kill_head()
    down = instance.json("status")
    assert not down["ready"]
    assert any(problem.startswith("ray has ended") for problem in down["problems"])
    assert instance.cli("down", deadline_s=120).returncode == 0
    assert instance.cli("up", "--detach", deadline_s=600).returncode == 0
    eventually(lambda: len(replies_to(instance, asked)) == 1, 240)
    after = instance.json("status")
    assert after["epoch"] == before["epoch"]
    assert after["inbox"]["dead"] == before["inbox"]["dead"]
    assert [m["id"] for m in replies_to(instance, "15550100123")] == [m["id"] for m in chat]
    done = instance.cli("ask", "Hello?", "--from", "15550100151", "--timeout", "10")
    assert done.returncode == 1
    assert len(replies_to(instance, asked)) == 1  # a second one would have come by now


def write(instance: Instance, customer: str, text: str) -> None:
    """From a new customer's phone, without waiting for an answer."""

    async def send() -> None:
        async with httpx.AsyncClient(base_url=instance.simulator, timeout=10) as http:
            phone = Phone(http, customer)
            await phone.arrive()
            await phone.write(text)

    asyncio.run(send())


def pids(instance: Instance) -> dict[str, list[int]]:
    """Process ids of all running replicas by deployment."""
    status = httpx.get(f"{instance.dashboard}/api/serve/applications/", timeout=10).json()
    return {
        name: sorted(r["pid"] for r in deployment["replicas"] if r["state"] == "RUNNING")
        for application in status["applications"].values()
        for name, deployment in application["deployments"].items()
    }


def api_key(instance: Instance) -> str:
    from deployments.settings import load_settings

    return load_settings(dict(instance.env)).api_key
