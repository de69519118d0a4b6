"""A Chromium that is told by Web Push, without its maker's push service: headless, it reaches none.

What the browser would get from there, its address and keys, is that of the tests' push service; what that receives is
delivered to the real service worker over DevTools.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Self

from playwright.async_api import BrowserContext, CDPSession, Page, Worker, expect

from tests.support.gateway import GatewayProcess
from tests.support.push_service import Subscriber

_DEADLINE_S = 30.0
_SUBSCRIBED = "darvaz.test.subscribed"
# In the page and in the worker; the worker has no storage, and is always subscribed.
_STAND_IN = """
const made = (options) => ({ toJSON: () => (%s), options, unsubscribe: async () => isHere(false) });
const isHere = (is) => globalThis.sessionStorage?.setItem("%s", is ? "yes" : "");
PushManager.prototype.subscribe = async (options) => {
  if (!options.userVisibleOnly || options.applicationServerKey.length !== 87) throw new TypeError("bad options");
  isHere(true);
  return made(options);
};
PushManager.prototype.getSubscription = async () => globalThis.sessionStorage?.getItem("%s") ? made({}) : null;
"""
# What is being shown is not among the notifications, and would be forgotten by a look at them.
_COUNT = "() => { self.pushed = 0; self.addEventListener('push', () => { self.pushed += 1; }); }"
_NOTIFICATIONS = """async () => (await self.registration.getNotifications()).map(
    ({ title, body, tag, lang, dir, data }) => ({ title, body, tag, lang, dir, ...data }))"""
# A real click needs a desktop. Without one, the browser lets no worker move the focus; what it did before stands.
_LEFT = """async () => {
  while ((await clients.matchAll({ type: "window", includeUncontrolled: true })).length)
    await new Promise((go) => setTimeout(go, 50));
}"""
_CLICK = """async (opened) => {
  const [notification] = await self.registration.getNotifications();
  const event = new NotificationEvent("notificationclick", { notification });
  const waits = [];
  event.waitUntil = (wait) => waits.push(wait);
  if (opened) clients.openWindow = async (url) => opened.push(url);
  self.dispatchEvent(event);
  await Promise.allSettled(waits);
  return opened;
}"""


class PushBrowser:
    """A signed-in page whose browser may show notifications."""

    def __init__(self, context: BrowserContext, page: Page, devtools: CDPSession, origin: str,
                 subscriber: Subscriber) -> None:  # fmt: skip
        self.page = page
        self._devtools = devtools
        self.subscriber = subscriber
        self._context = context
        self._origin = origin
        self._registered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, context: BrowserContext, gateway: GatewayProcess, subscriber: Subscriber) -> Self:
        """Signs in as an operator, and shows the dashboard."""
        await context.grant_permissions(["notifications"], origin=gateway.url)
        page = await context.new_page()
        await page.add_init_script(stand_in_of(subscriber))
        devtools = await context.new_cdp_session(page)
        made = cls(context, page, devtools, gateway.url, subscriber)
        await made.sign_in(gateway)
        devtools.on("ServiceWorker.workerRegistrationUpdated", made._note)
        await devtools.send("ServiceWorker.enable")
        return made

    async def sign_in(self, gateway: GatewayProcess) -> None:
        link = gateway.post("/api/sign-in-links", json={"role": "operator"}).json()
        await self.page.goto(gateway.url + link["path"])
        await expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    @property
    def worker(self) -> Worker:
        (worker,) = self._context.service_workers
        return worker

    async def deliver(self, payload: dict[str, Any]) -> None:
        """Gives the service worker a message, as the browser does with one of its service; returns once it is shown."""
        number = await asyncio.wait_for(self._registered, _DEADLINE_S)
        await self.worker.evaluate(_COUNT)
        message = {"origin": f"{self._origin}/", "registrationId": number, "data": json.dumps(payload)}
        await self._devtools.send("ServiceWorker.deliverPushMessage", message)
        async with asyncio.timeout(_DEADLINE_S):
            while True:
                if await self.worker.evaluate("self.pushed"):
                    break
                await asyncio.sleep(0.05)
        await self.worker.evaluate("() => last")

    async def notifications(self, *titles: str) -> list[dict[str, Any]]:
        """Returns the notifications that are shown, once they have these titles."""
        found: list[dict[str, Any]] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DEADLINE_S):
                while True:
                    found = await self.worker.evaluate(_NOTIFICATIONS)
                    if sorted(each["title"] for each in found) == sorted(titles):
                        return found
                    await asyncio.sleep(0.05)
        raise AssertionError(f"{found} is shown, not {titles}")

    async def click(self) -> None:
        """Clicks the first notification."""
        await self.worker.evaluate(_CLICK)

    async def click_without_page(self) -> list[str]:
        """Clicks the first notification, and returns the pages that the service worker wants to be opened.

        A page that was left may be a client of the worker for a moment more.
        """
        async with asyncio.timeout(_DEADLINE_S):
            await self.worker.evaluate(_LEFT)
        opened: list[str] = await self.worker.evaluate(_CLICK, [])
        return opened

    def _note(self, event: dict[str, Any]) -> None:
        for registration in event["registrations"]:
            if not registration["isDeleted"] and not self._registered.done():
                self._registered.set_result(registration["registrationId"])


def stand_in_of(subscriber: Subscriber) -> str:
    """Returns a script in whose page or worker the browser has the address and keys of a subscriber."""
    given = {key: value for key, value in subscriber.as_json().items() if key != "language"}
    return _STAND_IN % (json.dumps(given), _SUBSCRIBED, _SUBSCRIBED)
