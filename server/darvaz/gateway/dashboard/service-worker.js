// Tells of alerts while no page is open: shows what the gateway sends, takes away what is over, and opens the page. And it
// keeps the page itself for the time in which the gateway does not answer: what the page loads, browsers keep by themselves.

// The types of all other scripts are those of pages.
const worker = /** @type {any} */ (self);
const PATH = "api/push-subscription";
let last = Promise.resolve();

const SHELL = "shell";
const KEPT = ["./", "pages/icon.svg"];

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll(KEPT).catch(() => {})));
});
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { pathname } = new URL(event.request.url);
  if (KEPT.some((path) => new URL(path, worker.registration.scope).pathname === pathname))
    event.respondWith(answer(event.request, pathname));
});
worker.addEventListener("push", (/** @type {any} */ event) => {
  // One after the other: what is being shown is not among the notifications yet.
  last = last.catch(() => {}).then(() => show(event.data.json()));
  event.waitUntil(last);
});
worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.page));
});
worker.addEventListener("pushsubscriptionchange", (/** @type {any} */ event) => event.waitUntil(renew(event)));

/**
 * Returns what the gateway answers, or what it answered before if it does not: a proxy in front may say so.
 * @type {(request: Request, pathname: string) => Promise<Response>}
 */
async function answer(request, pathname) {
  const shell = await caches.open(SHELL);
  const now = await fetch(request).catch(() => Response.error());
  if (now.ok) await shell.put(pathname, now.clone()).catch(() => {});
  const isAnswer = now.type !== "error" && now.status < 500;
  return (!isAnswer && (await shell.match(pathname))) || now;
}

/** @param {{title: string, body: string, lang: string, tag: string, page?: string, began?: string[], ended?: string[]}} told */
async function show({ title, body, lang, tag, page = "", began = [], ended = [] }) {
  for (const shown of await worker.registration.getNotifications()) await takeAway(shown, ended);
  await notify(title, { body, lang, tag, renotify: began.length > 0, data: { page, alerts: began } });
}

/**
 * Closes a notification if all that it is about is over; otherwise it notes what is.
 * @type {(shown: Notification, ended: string[]) => Promise<void>}
 */
async function takeAway(shown, ended) {
  const { title, body, lang, tag, data } = shown;
  const alerts = data.alerts.filter((/** @type {string} */ alert) => !ended.includes(alert));
  if (alerts.length === data.alerts.length) return;
  if (alerts.length) await notify(title, { body, lang, tag, silent: true, data: { ...data, alerts } });
  else shown.close();
}

/** @type {(title: string, options: NotificationOptions & {renotify?: boolean}) => Promise<void>} */
function notify(title, options) {
  return worker.registration.showNotification(title, { dir: options.lang === "fa" ? "rtl" : "ltr", ...options });
}

/** @param {string} page what follows # in its address */
async function open(page) {
  const scope = new URL(worker.registration.scope);
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = windows.find((/** @type {{url: string}} */ { url }) => new URL(url).pathname === scope.pathname);
  if (!shown) return worker.clients.openWindow(new URL(`#${page}`, scope).href);
  shown.postMessage({ page });
  return shown.focus();
}

/**
 * Tells the gateway of the new address that the push service has given this browser.
 * @param {{newSubscription?: PushSubscription}} change
 */
async function renew({ newSubscription }) {
  const { public_key: applicationServerKey, language } = await (await fetch(PATH)).json();
  const manager = worker.registration.pushManager;
  const made = newSubscription ?? (await manager.subscribe({ userVisibleOnly: true, applicationServerKey }));
  const { endpoint, keys } = made.toJSON();
  const body = JSON.stringify({ endpoint, keys, language: language ?? "en" });
  await fetch(PATH, { method: "PUT", headers: { "Content-Type": "application/json" }, body });
}
