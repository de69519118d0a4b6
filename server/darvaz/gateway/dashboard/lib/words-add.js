// The sentences of the page that adds boards, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords({
  add_intro: [
    "Connect the board by USB to a computer with this repository, and run one command.",
    "برد را با USB به رایانه‌ای وصل کنید که این مخزن را دارد، و یک دستور را اجرا کنید.",
  ],
  step_open: ["Only without make flash: open the enrolment window", "فقط بدون make flash: پنجرهٔ ثبت‌نام را باز کنید"],
  window_why: [
    "make flash brings a token along. A board that was set up in another way fetches one while the window is open; so may any other in your network.",
    "با make flash توکن همراه برد می‌رود. بردی که به شیوهٔ دیگری آماده شده، تا پنجره باز است توکن می‌گیرد؛ هر برد دیگری در شبکهٔ شما نیز.",
  ],
  step_type: ["Run this command", "این فرمان را اجرا کنید"],
  step_wait: ["Wait for the board", "منتظر برد بمانید"],
  open_window: ["Open the window for 15 minutes", "باز کردن پنجره برای ۱۵ دقیقه"],
  close_window: ["Close it now", "بستن همین حالا"],
  window_open: ["Open: {} left", "باز است: {} مانده"],
  window_closed: [
    "Closed: boards on other machines get no token.",
    "بسته است: بردهایی که روی همین رایانه نیستند توکن نمی‌گیرند.",
  ],
  window_always: [
    "By its settings the gateway always gives tokens to boards.",
    "طبق تنظیمات، دروازه همیشه به بردها توکن می‌دهد.",
  ],
  window_never: [
    "By its settings the gateway never gives tokens to boards: issue one under Access.",
    "طبق تنظیمات، دروازه به بردها توکن نمی‌دهد: در بخش دسترسی صادر کنید.",
  ],
  no_flash: [
    "Without make flash: copy the firmware and put this address into config.json.",
    "بدون make flash: میان‌افزار را کپی کنید و این نشانی را در config.json بگذارید.",
  ],
  flash_elsewhere: [
    "On any computer other than the gateway’s, set DARVAZ_TOKEN to an operator’s token; issue one under Access.",
    "روی هر رایانه‌ای جز رایانهٔ دروازه، DARVAZ_TOKEN را برابر توکن یک اپراتور بگذارید؛ در بخش دسترسی صادر کنید.",
  ],
  your_address: [
    "Replace YOUR-ADDRESS by the address of this computer in your network.",
    "به‌جای YOUR-ADDRESS نشانی همین رایانه را در شبکهٔ خود بنویسید.",
  ],
  refused_board: ["refused", "رد شد"],
  waiting_board: ["Waiting for a new board …", "در انتظار برد تازه …"],
  show_it: ["Show it", "نمایش"],
});
