"""A fake Stripe on a real socket, for what localstripe lacks: idempotency keys, lost responses, errors.

The payment method decides what a confirmation does:

- `pm_decline`: declined
- `pm_action`: needs 3-D Secure
- `pm_processing`: stays in process
- `pm_lost`: charged, and the connection is closed without a response
- `pm_500`: charged, and the response is an error
- `pm_missing`: does not exist
- any other: captured
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]
Response = tuple[int, Json]


class ApiError(Exception):
    def __init__(self, status: int, code: str, **more: str) -> None:
        super().__init__(code)
        self.status = status
        kind = "card_error" if status == 402 else more.pop("type", "invalid_request_error")
        self.body = {"error": {"type": kind, "code": code, "message": f"Rejected: {code}", **more}}


class LostResponseError(Exception):
    """The request took effect and its response is lost."""


class FakeStripe:
    """Its intents and refunds, and how it behaves."""

    def __init__(self) -> None:
        self.intents: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.keys: dict[str, tuple[Json, Response]] = {}
        self.refund_error: str | None = None
        self.is_unavailable = False
        self.url = ""
        self._ids = count(1)
        self._lock = threading.Lock()

    @property
    def captured(self) -> int:
        """The sum of all captures, in Stripe's minor units."""
        return sum(intent["amount_received"] for intent in self.intents.values())

    @property
    def refunded(self) -> int:
        return sum(refund["amount"] for refund in self.refunds.values())

    def handle(self, method: str, path: list[str], params: Json, key: str | None) -> Response:
        with self._lock:
            if method == "POST" and key in self.keys:
                return self._replay(self.keys[key], params)
            try:
                response = 200, self._do(method, path, params)
            except ApiError as error:
                response = error.status, error.body
            if method == "POST" and key is not None:
                self.keys[key] = (params, response)
            return response

    def _replay(self, first: tuple[Json, Response], params: Json) -> Response:
        if first[0] != params:
            error = ApiError(400, "idempotency_key_in_use", type="idempotency_error")
            return error.status, error.body
        return first[1]

    def _do(self, method: str, path: list[str], params: Json) -> Json:
        if self.is_unavailable:
            raise ApiError(503, "unavailable", type="api_error")
        match method, path:
            case "POST", ["payment_intents"]:
                return dict(self._create(params))
            case "GET", ["payment_intents", "search"]:
                return _list([i for i in self.intents.values() if i["metadata"]["payment_id"] in params["query"]])
            case "GET", ["payment_intents", intent_id]:
                return dict(self._intent(intent_id))
            case "POST", ["payment_intents", intent_id, "confirm"]:
                return dict(self._confirm(self._intent(intent_id), params))
            case "POST", ["payment_intents", intent_id, "cancel"]:
                return dict(self._cancel(self._intent(intent_id)))
            case "POST", ["refunds"]:
                return dict(self._refund(params))
            case "GET", ["refunds"]:
                made = self.refunds.values()
                return _list([each for each in made if each["payment_intent"] == params["payment_intent"]])
            case "GET", ["refunds", refund_id]:
                return dict(self.refunds[refund_id])
        raise ApiError(404, "resource_missing")

    def _create(self, params: Json) -> Json:
        if params.get("payment_method") == "pm_missing":
            raise ApiError(400, "resource_missing")
        intent = {
            "id": f"pi_{next(self._ids)}",
            "object": "payment_intent",
            "amount": int(params["amount"]),
            "amount_received": 0,
            "currency": params["currency"],
            "payment_method": params.get("payment_method"),
            "status": "requires_confirmation" if params.get("payment_method") else "requires_payment_method",
            "metadata": _nested(params, "metadata"),
            "next_action": None,
            "last_payment_error": None,
        }
        self.intents[intent["id"]] = intent
        return intent

    def _confirm(self, intent: Json, params: Json) -> Json:
        if intent["status"] != "requires_confirmation":
            raise ApiError(400, "payment_intent_unexpected_state")
        behaviour: dict[str, Callable[[], Json]] = {
            "pm_decline": lambda: self._decline(intent),
            "pm_action": lambda: self._require_action(intent, params),
            "pm_processing": lambda: intent | {"status": "processing"},
        }
        method = intent["payment_method"]
        intent.update(behaviour.get(method, lambda: self.capture(intent))())
        if method == "pm_lost":
            raise LostResponseError
        if method == "pm_500":
            raise ApiError(500, "internal", type="api_error")
        if intent["last_payment_error"]:
            raise ApiError(402, "card_declined", decline_code="insufficient_funds")
        return intent

    def capture(self, intent: Json) -> Json:
        intent.update(status="succeeded", amount_received=intent["amount"], next_action=None)
        return intent

    def _decline(self, intent: Json) -> Json:
        error = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "No money"}
        return intent | {"status": "requires_payment_method", "last_payment_error": error}

    def _require_action(self, intent: Json, params: Json) -> Json:
        where = {"url": f"{self.url}/3ds/{intent['id']}", "return_url": params["return_url"]}
        return intent | {
            "status": "requires_action",
            "next_action": {"type": "redirect_to_url", "redirect_to_url": where},
        }

    def _cancel(self, intent: Json) -> Json:
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise ApiError(400, "payment_intent_unexpected_state")
        intent.update(status="canceled", next_action=None)
        return intent

    def _refund(self, params: Json) -> Json:
        if self.refund_error is not None:
            raise ApiError(400, self.refund_error)
        intent = self._intent(params["payment_intent"])
        before = sum(r["amount"] for r in self.refunds.values() if r["payment_intent"] == intent["id"])
        if before + int(params["amount"]) > intent["amount_received"]:
            raise ApiError(400, "charge_already_refunded")
        refund = {
            "id": f"re_{next(self._ids)}",
            "object": "refund",
            "payment_intent": intent["id"],
            "amount": int(params["amount"]),
            "currency": intent["currency"],
            "status": "succeeded",
            "metadata": _nested(params, "metadata"),
        }
        self.refunds[refund["id"]] = refund
        return refund

    def _intent(self, intent_id: str) -> Json:
        if intent_id not in self.intents:
            raise ApiError(404, "resource_missing")
        return self.intents[intent_id]


@contextmanager
def fake_stripe() -> Iterator[FakeStripe]:
    """Serve a fake on a free port of the loopback."""
    stripe = FakeStripe()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._respond(dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self._respond(dict(parse_qsl(body.decode())))

        def _respond(self, params: Json) -> None:
            path = urlsplit(self.path).path.strip("/").split("/")[1:]
            try:
                status, body = stripe.handle(self.command, path, params, self.headers.get("Idempotency-Key"))
            except LostResponseError:
                self.close_connection = True
                return
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stripe.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stripe
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _list(found: list[Json]) -> Json:
    return {"object": "list", "data": found, "has_more": False, "url": ""}


def _nested(params: Json, name: str) -> Json:
    return {key[len(name) + 1 : -1]: value for key, value in params.items() if key.startswith(f"{name}[")}
