// The pages of the dashboard: what loads each, how the header shows it, and for whom it is.

/** @typedef {"all" | "viewers" | "operators" | "owners"} Readers */
/** @typedef {{load: () => Promise<unknown>, element: string, title: string, icon: string, readers: Readers}} Page */

/** @type {(load: () => Promise<unknown>, element: string, title: string, icon: string, readers: Readers) => Page} */
const page = (load, element, title, icon, readers) => ({ load, element, title, icon, readers });

// Each page is loaded when it is first shown: most visits are to one or two.
export const HOME = page(() => import("../pages/device-list.js"), "device-list", "devices", "devices", "all");
/** The pages of the header, by what follows "#/" in the address. */
export const PAGES = new Map([
  ["", HOME],
  ["cameras", page(() => import("../pages/camera-wall.js"), "camera-wall", "cameras", "camera", "all")],
  ["layouts", page(() => import("../pages/layout-page.js"), "layout-page", "layouts", "table", "all")],
  ["charts", page(() => import("../pages/chart-page.js"), "chart-page", "charts", "chart", "all")],
  ["alerts", page(() => import("../pages/alerts-page.js"), "alerts-page", "alerts", "bell", "viewers")],
  ["rules", page(() => import("../pages/rules-page.js"), "rules-page", "rules", "clock", "viewers")],
  ["journal", page(() => import("../pages/journal-page.js"), "journal-page", "journal_page", "journal", "viewers")],
  ["add", page(() => import("../pages/add-board.js"), "add-board", "add", "add", "operators")],
  ["releases", page(() => import("../pages/release-page.js"), "release-page", "releases", "release", "viewers")],
  ["people", page(() => import("../pages/people-page.js"), "people-page", "people", "people", "owners")],
  ["access", page(() => import("../pages/access-page.js"), "access-page", "access", "key", "operators")],
]);
/** The pages that a phone's bar shows at once. */
export const FIRST = new Set(["", "layouts", "charts", "alerts"]);
export const DEVICE = { ...HOME, load: () => import("../pages/device-page.js") };
