"""`python -m simulator`: the simulator alone, for any bot."""

import argparse
import logging
import os
import sys
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from simulator.app import create_app
from simulator.core import StartError
from simulator.faults import PRESETS
from simulator.settings import Retry, Settings

_SECRETS = {
    "app_secret": "SWITCHBACK_APP_SECRET",
    "verify_token": "SWITCHBACK_VERIFY_TOKEN",
    "access_token": "SWITCHBACK_ACCESS_TOKEN",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="A stand-in for Meta's WhatsApp Cloud API."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--webhook-url", help="where signed webhooks are delivered")
    for name, variable in _SECRETS.items():
        parser.add_argument(
            "--" + name.replace("_", "-"), default=os.environ.get(variable), help=f"or ${variable}"
        )
    number = os.environ.get("SWITCHBACK_PHONE_NUMBER_ID", "106500000000002")
    parser.add_argument("--phone-number-id", default=number)
    parser.add_argument("--display-phone-number", default="15550100001")
    parser.add_argument("--waba-id", default="104200000000001")
    parser.add_argument("--business-name", default="Demo business")
    parser.add_argument("--public-url", help="base of media links; default: host and port")
    parser.add_argument("--state-dir", type=Path, help="keep conversations in this folder")
    parser.add_argument("--customers", type=Path, help="JSON list of {name, wa_id, bsuid, ...}")
    parser.add_argument("--templates", type=Path, help="JSON list of approved templates")
    parser.add_argument("--faults", type=Path, help="JSON object of fault knobs")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="calm")
    parser.add_argument("--seed", type=int, help="of the fault dice")
    parser.add_argument("--throughput-mps", type=int, default=80)
    parser.add_argument("--retry-base-s", type=float, default=1.0)
    parser.add_argument("--max-concurrent-posts", type=int, default=16)
    return parser


def _settings(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Settings:
    for name, variable in _SECRETS.items():
        if not getattr(args, name):
            parser.error(f"--{name.replace('_', '-')} or {variable} is required")
    secret = args.app_secret.split(",")[0]  # two during a rotation: Meta signs with the first
    return Settings(
        app_secret=secret.strip(),
        verify_token=args.verify_token,
        access_token=args.access_token,
        webhook_url=args.webhook_url,
        phone_number_id=args.phone_number_id,
        display_phone_number=args.display_phone_number,
        waba_id=args.waba_id,
        business_name=args.business_name,
        public_url=args.public_url or f"http://{args.host}:{args.port}",
        state_dir=args.state_dir,
        customers_file=args.customers,
        templates_file=args.templates,
        faults_file=args.faults,
        preset=args.preset,
        seed=args.seed,
        throughput_mps=args.throughput_mps,
        max_concurrent_posts=args.max_concurrent_posts,
        retry=Retry(base_s=args.retry_base_s),
    )


class _Server(uvicorn.Server):
    """Ends the event streams of open pages when it is told to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI):
            app.state.simulator.hub.close()
        super().handle_exit(sig, frame)


def main() -> int:
    """Serve until interrupted."""
    parser = _parser()
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        app = create_app(_settings(parser, args))
    except StartError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    sys.stderr.write(f"simulator: http://{args.host}:{args.port}\n")
    # Paths of requests hold phone numbers: no access log. A held answer must not delay a stop.
    config = uvicorn.Config(
        app,
        host=args.host,
        port=args.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    _Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
