// The sentences of the page of dashboards, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords({
  layout_new: ["New dashboard", "داشبورد تازه"],
  layout_none: [
    "No dashboard yet: a page of your own, with the cards that you choose.",
    "هنوز داشبوردی نیست: صفحه‌ای از خودتان، با کارت‌هایی که برمی‌گزینید.",
  ],
  layout_title: ["Title", "عنوان"],
  layout_edit: ["Edit", "ویرایش"],
  layout_done: ["Save", "ذخیره"],
  layout_full: ["Full screen", "تمام‌صفحه"],
  layout_kind: ["Card", "کارت"],
  card_value: ["a value", "یک مقدار"],
  card_plot: ["a plot of a day", "نمودار یک روز"],
  card_gauge: ["a gauge", "یک عقربه"],
  card_log: ["the log", "لاگ"],
  gauge_low: ["From", "از"],
  gauge_high: ["To", "تا"],
  card_control: ["a control", "یک کلید"],
  card_camera: ["a camera", "یک دوربین"],
  card_text: ["a text", "یک متن"],
  layout_add: ["Add the card", "افزودن کارت"],
  layout_text: ["Text", "متن"],
  layout_name: ["Of it", "چیزِ آن"],
  card_earlier: ["Move {} towards the start", "جابه‌جایی {} به سوی آغاز"],
  card_later: ["Move {} towards the end", "جابه‌جایی {} به سوی پایان"],
  card_wide: ["Width of {}", "پهنای {}"],
  card_remove: ["Take {} out", "برداشتن {}"],
  card_gone: ["This board is not known any more.", "این برد دیگر شناخته نیست."],
  layout_sure: ["Remove the dashboard {}?", "داشبورد {} حذف شود؟"],
  share: ["Share", "هم‌رسانی"],
  share_hint: [
    "Who opens the link sees this dashboard, and nothing else. The page People ends it.",
    "هر کس پیوند را باز کند همین داشبورد را می‌بیند و نه چیز دیگری. صفحهٔ افراد به آن پایان می‌دهد.",
  ],
  share_role: ["They may", "می‌توانند"],
  share_viewer: ["look", "ببینند"],
  share_user: ["look and use its controls", "ببینند و کلیدهایش را به کار ببرند"],
  share_uses: ["How many browsers", "چند مرورگر"],
  share_days: ["Days", "روز"],
});
