"""What the two clients share: the set-up of httpx, its arguments from requests, and results or errors from answers."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import Any

import httpx

from darvaz.client.answers import ANSWER_BYTES_MAX, REFUSAL_BYTES_MAX, BodyReader, GatewayAnswer, strange
from darvaz.client.config import URL_VARIABLE, GatewayConfig
from darvaz.client.errors import GatewayError, Unreachable, error_of
from darvaz.client.local_token import LocalTokenAuth, find_local_certificate
from darvaz.client.requests import ApiRequest, Page, RawAnswer
from darvaz.text.certificates import only_trusting, trusting_context

DEADLINE_S = 30.0
# The gateway may wait for a board longer than for anything else.
COMMAND_DEADLINE_S = 90.0
RETRY_FIRST_S = 1.0
RETRY_MAX_S = 30.0
# The gateway sends something on a stream of events every 15 s.
SILENCE_MAX_S = 45.0
# Half of what a gateway lets one address begin at the same time; the others wait for their turn.
REQUESTS_AT_ONCE_MAX = 32
EVENTS = "text/event-stream"
FRAMES = "multipart/x-mixed-replace"
DOWNLOADS = ("application/jsonl", "text/csv", "text/plain")
IDENTITY = {"Accept-Encoding": "identity"}

_REDIRECTS = range(300, 400)
_SHOWN_MAX = 200

# A gateway has as many devices as fit into a tenth of these; what goes on for longer is something else.
PAGES_MAX = 1_000
PAGED_BYTES_MAX = 64 * 1024 * 1024

_ADVICE = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS there, so the address begins with http://",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not trusted here; put the certificate of its authority into a"
    " file, and name that file in SSL_CERT_FILE",
}


class PageCollector:
    """Joins the pages of a long answer, within `PAGES_MAX` and `PAGED_BYTES_MAX`."""

    def __init__(self, config: GatewayConfig) -> None:
        self.items: list[Any] = []
        """Of the pages so far."""
        self._config = config
        self._pages = self._bytes = 0

    def receive(self, page: Page, size_bytes: int) -> ApiRequest | None:
        """Takes a page, and returns the request for the next, None after the last; raises `GatewayError`."""
        self.items += page.items
        self._pages += 1
        self._bytes += size_bytes
        if self._pages > PAGES_MAX or (page.following is not None and self._bytes > PAGED_BYTES_MAX):
            raise GatewayError(f"{self._config.url} goes on and on with its answer: is the address right?")
        return page.following


def client_options(config: GatewayConfig) -> dict[str, Any]:
    """Returns the arguments of an `httpx.Client`; a token goes only into a header."""
    return {
        "base_url": checked_url(config.url),
        # Streams are not compressed; for the others gzip is enough, and its size is counted.
        "headers": {
            "Accept-Encoding": "gzip",
            **({"Authorization": f"Bearer {config.token}"} if config.token else {}),
        },
        "auth": None if config.token else LocalTokenAuth(config.url, config.data),
        "timeout": DEADLINE_S,
        # No proxies, and no .netrc with a password for the gateway's host.
        "trust_env": False,
        "verify": trusted(config.url, config.data),
    }


def checked_url(url: str) -> httpx.URL:
    """Returns an address as httpx has it; raises `GatewayError` for what is not one."""
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise GatewayError(f"{url!r} is not an address: {error}") from None


def trusted(url: str, data: Path | None = None) -> ssl.SSLContext:
    """Returns which certificates are trusted: of the usual authorities, the system's, and those of `SSL_CERT_FILE`.

    A gateway of this machine that this user runs is trusted by its own certificate, and by no other.
    """
    if not url.lower().startswith("https://"):
        # None is needed, and to load the others takes long: this one trusts nobody.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    local = find_local_certificate(url, data)
    if local is not None:
        # Of another user, or gone: as any gateway.
        with contextlib.suppress(OSError):
            return only_trusting(local)
    return trusting_context()


def request_options(request: ApiRequest) -> dict[str, Any]:
    """Returns the arguments of an httpx client's `request`."""
    options: dict[str, Any] = {"method": request.method, "url": request.path, "timeout": deadline_of(request)}
    if request.query:
        options["params"] = dict(request.query)
    if request.body is not None:
        options["json"] = request.body
    return options


def body_reader(response: httpx.Response, deadline_s: float) -> BodyReader:
    """Returns the reader of an answer's body; raises `AnswerError` for an encoding that was not asked for."""
    bytes_max = ANSWER_BYTES_MAX if response.is_success else REFUSAL_BYTES_MAX
    return BodyReader(response.headers.get("content-encoding", "").strip().lower(), bytes_max, deadline_s)


def whole_answer(response: httpx.Response, body: bytes) -> GatewayAnswer:
    """Returns a complete answer."""
    return GatewayAnswer(response.status_code, response.headers, body, response.url.host)


def deadline_of(request: ApiRequest) -> float:
    """Returns how many seconds an answer may take, from its first byte to its last."""
    return request.deadline_s or (COMMAND_DEADLINE_S if request.method == "POST" else DEADLINE_S)


def result_of(request: ApiRequest, answer: GatewayAnswer) -> Any:
    """Returns the result of a request, or raises the error that the answer is."""
    if not answer.is_success:
        raise refusal(answer)
    if answer.status == httpx.codes.NO_CONTENT:
        return None
    try:
        return request.read(RawAnswer(answer.headers, answer.content) if request.is_raw else answer.json(request.shape))
    except (ValueError, LookupError, TypeError, OverflowError):
        raise strange(answer.host, "another form", answer.status) from None


def check_stream(response: httpx.Response, media_types: str | tuple[str, ...]) -> None:
    """Raises the error of a good answer that is not a stream of a gateway; such an answer may never end."""
    if not response.headers.get("content-type", "").startswith(media_types):
        raise strange(response.url.host, "another media type", response.status_code)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise strange(response.url.host, "a compressed stream", response.status_code)


def refusal(answer: GatewayAnswer) -> GatewayError:
    """Returns the error that an answer is."""
    if answer.status in _REDIRECTS:
        # Not followed: the token would go to another place.
        return strange(answer.host, f"it sends on to {answer.headers.get('location', '')[:_SHOWN_MAX]}", answer.status)
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    return error_of(answer.status, problem, answer.headers.get("retry-after"))


def unreachable(config: GatewayConfig, error: httpx.HTTPError | httpx.InvalidURL) -> Unreachable:
    """Returns the error for an answer that did not come, with what to do about it."""
    reason = str(error) or type(error).__name__
    advice = next(
        (advice for sign, advice in _ADVICE.items() if sign in reason),
        f"start it with `darvaz serve`, or set its address in {URL_VARIABLE}",
    )
    failure = Unreachable(f"no gateway answers at {config.url} ({reason}): {advice}", "unreachable")
    failure.is_taken = isinstance(error, httpx.RemoteProtocolError)
    return failure
