"""What the synchronous and the asynchronous client share: requests made of questions, answers read, errors told."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from darvaz.client.config import URL_VARIABLE, Place
from darvaz.client.errors import GatewayError, Unreachable, error_of
from darvaz.client.requests import Question

DEADLINE_S = 30.0
# A command's own deadline at the gateway may be longer than anything else takes.
COMMAND_DEADLINE_S = 90.0
AGAIN_FIRST_S = 1.0
AGAIN_MOST_S = 30.0
# A stream of events says something every 15 s.
SILENCE_S = 45.0
EVENTS = "text/event-stream"
FRAMES = "multipart/x-mixed-replace"

_ADVICE = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS there, so the address begins with http://",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not trusted here; put its authority's into a file, and name that"
    " in SSL_CERT_FILE",
}


def settings(place: Place) -> dict[str, Any]:
    """Returns how an HTTP client is set up; the token goes into a header and nowhere else."""
    headers = {"Authorization": f"Bearer {place.token}"} if place.token else {}
    return {
        "base_url": place.url,
        "headers": headers,
        "timeout": DEADLINE_S,
        "trust_env": False,
        "verify": trusted(place.url),
    }


def trusted(url: str) -> ssl.SSLContext | bool:
    """Returns whose certificates count: the usual authorities, the system's, and those of `SSL_CERT_FILE`."""
    if not url.lower().startswith("https://"):
        return True
    context = httpx.create_ssl_context(trust_env=False)
    # Gateways at home have an authority of their own.
    context.load_default_certs()
    return context


def request_of(question: Question) -> dict[str, Any]:
    """Returns the arguments of an HTTP client's `request`."""
    deadline_s = COMMAND_DEADLINE_S if question.method == "POST" else DEADLINE_S
    said: dict[str, Any] = {"method": question.method, "url": question.path, "timeout": deadline_s}
    if question.query:
        said["params"] = dict(question.query)
    if question.body is not None:
        said["json"] = question.body
    return said


def answer_of(question: Question, response: httpx.Response) -> Any:
    """Returns what a question's answer says, or raises the error that it is."""
    if not response.is_success:
        raise refusal(response)
    if question.is_raw:
        return response.content
    if response.status_code == httpx.codes.NO_CONTENT:
        return None
    try:
        return question.read(response.json())
    except (ValueError, KeyError, TypeError):
        raise stranger(response) from None


def check_media_type(response: httpx.Response, media_type: str) -> None:
    """Raises the error of a good answer that is no stream of a gateway; it might never say anything."""
    if not response.headers.get("content-type", "").startswith(media_type):
        raise stranger(response)


def stranger(response: httpx.Response) -> GatewayError:
    """Returns the error for a good answer of something else."""
    return GatewayError(f"{response.url.host} does not answer as a Darvaz gateway does: is that its address?")


def refusal(response: httpx.Response) -> GatewayError:
    """Returns the error that an answer is, read to its end before."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    return error_of(response.status_code, problem, response.headers.get("retry-after"))


def unreachable(place: Place, error: httpx.HTTPError | httpx.InvalidURL) -> Unreachable:
    """Returns the error for an answer that did not come, with what to do about it."""
    said = str(error) or type(error).__name__
    where = f"no gateway answers at {place.url} ({said})"
    for sign, advice in _ADVICE.items():
        if sign in said:
            return Unreachable(f"{where}: {advice}", "unreachable")
    return Unreachable(f"{where}: start it with `darvaz serve`, or say where it is: {URL_VARIABLE}", "unreachable")
