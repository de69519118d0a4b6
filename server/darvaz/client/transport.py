"""What the synchronous and the asynchronous client share: requests made of questions, answers read, errors told."""

from __future__ import annotations

from typing import Any

import httpx

from darvaz.client.errors import GatewayError, Unreachable, error_of
from darvaz.client.place import Place
from darvaz.client.questions import Question

DEADLINE_S = 30.0
# A command's own deadline at the gateway may be longer than anything else takes.
COMMAND_DEADLINE_S = 90.0
AGAIN_FIRST_S = 1.0
AGAIN_MOST_S = 30.0
# A stream of events says something every 15 s.
SILENCE_S = 45.0


def settings(place: Place) -> dict[str, Any]:
    """Returns how an HTTP client is set up; the token goes into a header and nowhere else."""
    headers = {"Authorization": f"Bearer {place.token}"} if place.token else {}
    return {"base_url": place.url, "headers": headers, "timeout": DEADLINE_S, "trust_env": False}


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
        raise GatewayError(f"{response.url.host} does not answer as a Darvaz gateway does") from None


def refusal(response: httpx.Response) -> GatewayError:
    """Returns the error that an answer is, read to its end before."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    return error_of(response.status_code, problem, response.headers.get("retry-after"))


def unreachable(place: Place, error: httpx.HTTPError | httpx.InvalidURL) -> Unreachable:
    """Returns the error for an answer that did not come."""
    said = str(error) or type(error).__name__
    return Unreachable(
        f"no gateway answers at {place.url} ({said}): start it with `darvaz serve`, or say where it is", "unreachable"
    )
