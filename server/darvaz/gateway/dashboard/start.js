// Before anything is painted: the reader's colours and language. Then it loads the page, again if a part of it is lost.
// Not a module, so that it runs at once; it stands twice in the page, in case one is lost.

(() => {
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const root = document.documentElement;
  if (root.dataset.started) return;
  root.dataset.started = "yes";
  const language = (localStorage.getItem("darvaz.language") ?? navigator.language).startsWith("fa") ? "fa" : "en";
  root.lang = language;
  root.dir = language === "fa" ? "rtl" : "ltr";
  root.dataset.theme = localStorage.getItem("darvaz.theme") ?? "auto";

  const TRIES_MAX = 5;
  const WAIT_MS = 700;
  const KEY = "darvaz.tries";
  const SENTENCES = {
    en: ["A part of this page was lost on its way.", "Load it again"],
    fa: ["بخشی از این صفحه در راه گم شد.", "بارگیری دوباره"],
  };

  // A style sheet that is lost is asked for once more: a browser runs this when it is there, or lost.
  const link = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=stylesheet]"));
  if (!getComputedStyle(root).getPropertyValue("--ink")) link.href += "?again";

  // A browser remembers a module that failed: only another page can load it. What has arrived is not loaded twice.
  const onFailed = () => {
    const tries = Number(sessionStorage.getItem(KEY) ?? 0) + 1;
    sessionStorage.setItem(KEY, String(tries));
    if (tries <= TRIES_MAX) setTimeout(() => location.reload(), WAIT_MS * tries);
    else showFailed();
  };
  const showFailed = () => {
    sessionStorage.removeItem(KEY);
    const button = document.createElement("button");
    button.append(SENTENCES[language][1]);
    button.addEventListener("click", () => location.reload());
    document.getElementById("content")?.replaceChildren(SENTENCES[language][0], " ", button);
  };
  const src = /** @type {string} */ (script.dataset.app);
  // Once the body is there, which the page needs.
  const load = () => import(new URL(src, document.baseURI).href).then(() => sessionStorage.removeItem(KEY), onFailed);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", load);
  else load();
})();
