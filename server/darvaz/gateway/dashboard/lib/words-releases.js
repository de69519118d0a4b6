// The sentences about releases, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords({
  rollout_none: ["No release was given to boards yet. Give one:", "هنوز نسخه‌ای به بردها داده نشده است. برای دادن:"],
  rollout_boards: ["Boards", "بردها"],
  rollout_all: ["Show all boards", "نمایش همهٔ بردها"],
  rollout_running: ["under way", "در جریان"],
  rollout_paused: ["paused", "متوقف موقت"],
  rollout_stopped: ["stopped", "متوقف"],
  rollout_done: ["done", "تمام"],
  rollout_pause: ["Pause", "مکث"],
  rollout_resume: ["Go on", "ادامه"],
  rollout_end: ["End", "پایان"],
  release_number: ["Release {}", "نسخهٔ {}"],
  program_flashed: ["As it was flashed", "همان که با کابل نصب شد"],
  program_trial: ["On trial:", "آزمایشی:"],
  program_good: ["Good:", "خوب:"],
  program_fell_back: ["Fell back to what it ran before:", "برگشت به برنامهٔ پیش:"],
  program_safe_mode: [
    "Safe mode: the program died three times in its first minute and is left out",
    "حالت امن: برنامه سه بار در دقیقهٔ نخست از کار افتاد و کنار گذاشته شد",
  ],
  program_safe_todo: [
    "Give the board another release here, or send it reboot to let the program try again.",
    "از همین‌جا نسخهٔ دیگری به برد بدهید، یا فرمان reboot را بفرستید تا برنامه دوباره شروع شود.",
  ],
  release_give: ["Give it a release", "نسخه‌ای به برد بده"],
  release_give_button: ["Give", "بده"],
  release_changes: ["changed", "تغییرها"],
  update_waiting: ["waiting", "منتظر"],
  update_transferring: ["receiving", "در حال دریافت"],
  update_trial: ["on trial", "آزمایشی"],
  update_good: ["good", "خوب"],
  update_ended: ["ended; it was to run once", "پایان یافت؛ برای یک بار اجرا بود"],
  update_fell_back: ["fell back", "برگشت به نسخهٔ پیش"],
  update_refused: ["refused", "پذیرفته نشد"],
  update_superseded: ["replaced by a newer one", "جای خود را به نسخهٔ تازه‌تر داد"],
});
