// The pages of the dashboard: what loads each, and how the header shows it.

// Each page is loaded when it is first shown: most visits are to one or two.
export const HOME = {
  load: () => import("../pages/device-list.js"),
  element: "device-list",
  title: "devices",
  icon: "devices",
  isForViewers: true,
};
/** The pages of the header, by what follows "#/" in the address. */
export const PAGES = new Map([
  ["", HOME],
  [
    "cameras",
    {
      load: () => import("../pages/camera-wall.js"),
      element: "camera-wall",
      title: "cameras",
      icon: "camera",
      isForViewers: true,
    },
  ],
  [
    "layouts",
    {
      load: () => import("../pages/layout-page.js"),
      element: "layout-page",
      title: "layouts",
      icon: "table",
      isForViewers: true,
    },
  ],
  [
    "charts",
    {
      load: () => import("../pages/chart-page.js"),
      element: "chart-page",
      title: "charts",
      icon: "chart",
      isForViewers: true,
    },
  ],
  [
    "alerts",
    {
      load: () => import("../pages/alerts-page.js"),
      element: "alerts-page",
      title: "alerts",
      icon: "bell",
      isForViewers: true,
    },
  ],
  [
    "rules",
    {
      load: () => import("../pages/rules-page.js"),
      element: "rules-page",
      title: "rules",
      icon: "clock",
      isForViewers: true,
    },
  ],
  [
    "journal",
    {
      load: () => import("../pages/journal-page.js"),
      element: "journal-page",
      title: "journal_page",
      icon: "journal",
      isForViewers: true,
    },
  ],
  [
    "add",
    {
      load: () => import("../pages/add-board.js"),
      element: "add-board",
      title: "add",
      icon: "add",
      isForViewers: false,
    },
  ],
  [
    "releases",
    {
      load: () => import("../pages/release-page.js"),
      element: "release-page",
      title: "releases",
      icon: "release",
      isForViewers: true,
    },
  ],
  [
    "access",
    {
      load: () => import("../pages/access-page.js"),
      element: "access-page",
      title: "access",
      icon: "key",
      isForViewers: false,
    },
  ],
]);
/** The pages that a phone's bar shows at once. */
export const FIRST = new Set(["", "layouts", "charts", "alerts"]);
export const DEVICE = { ...HOME, load: () => import("../pages/device-page.js") };
