// The pages of the dashboard: what loads each, and how the header shows it.

/** @typedef {"all" | "viewers" | "operators" | "owners"} Readers */
/** @typedef {{load: () => Promise<unknown>, element: string, title: string, icon: string, readers: Readers}} Page */

// Each page is loaded when it is first shown: most visits are to one or two.
/** @type {Page} */
export const HOME = {
  load: () => import("../pages/device-list.js"),
  element: "device-list",
  title: "devices",
  icon: "devices",
  readers: "all",
};
/** The pages of the header, by what follows "#/" in the address. */
/** @type {Map<string, Page>} */
export const PAGES = new Map([
  ["", HOME],
  [
    "cameras",
    {
      load: () => import("../pages/camera-wall.js"),
      element: "camera-wall",
      title: "cameras",
      icon: "camera",
      readers: "all",
    },
  ],
  [
    "layouts",
    {
      load: () => import("../pages/layout-page.js"),
      element: "layout-page",
      title: "layouts",
      icon: "table",
      readers: "all",
    },
  ],
  [
    "charts",
    {
      load: () => import("../pages/chart-page.js"),
      element: "chart-page",
      title: "charts",
      icon: "chart",
      readers: "all",
    },
  ],
  [
    "alerts",
    {
      load: () => import("../pages/alerts-page.js"),
      element: "alerts-page",
      title: "alerts",
      icon: "bell",
      readers: "viewers",
    },
  ],
  [
    "rules",
    {
      load: () => import("../pages/rules-page.js"),
      element: "rules-page",
      title: "rules",
      icon: "clock",
      readers: "viewers",
    },
  ],
  [
    "journal",
    {
      load: () => import("../pages/journal-page.js"),
      element: "journal-page",
      title: "journal_page",
      icon: "journal",
      readers: "viewers",
    },
  ],
  [
    "add",
    {
      load: () => import("../pages/add-board.js"),
      element: "add-board",
      title: "add",
      icon: "add",
      readers: "operators",
    },
  ],
  [
    "releases",
    {
      load: () => import("../pages/release-page.js"),
      element: "release-page",
      title: "releases",
      icon: "release",
      readers: "viewers",
    },
  ],
  [
    "people",
    {
      load: () => import("../pages/people-page.js"),
      element: "people-page",
      title: "people",
      icon: "people",
      readers: "owners",
    },
  ],
  [
    "access",
    {
      load: () => import("../pages/access-page.js"),
      element: "access-page",
      title: "access",
      icon: "key",
      readers: "operators",
    },
  ],
]);
/** The pages that a phone's bar shows at once. */
export const FIRST = new Set(["", "layouts", "charts", "alerts"]);
export const DEVICE = { ...HOME, load: () => import("../pages/device-page.js") };
