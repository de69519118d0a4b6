// The sentences of cameras: their kept pictures and motion, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords(
  {
    kept: "Kept pictures",
    kept_off: "the gateway keeps no pictures; the setting camera_ring_frames says how many it keeps",
    kept_none: "No picture was kept yet.",
    kept_at: "Picture of {}",
    kept_when: "Time of the picture",
    kept_before: "Picture before",
    kept_after: "Picture after",
    kept_play: "Play",
    kept_pause: "Pause",
    kept_motion: "Next motion",
    kept_gone: "This picture is no longer kept.",
    motion_on: "Notice motion",
    motion_percent: "From this % of the picture on",
    motion_hint: "Motion is the value camera_motion of the board: alerts, rules and charts can use it.",
  },
  {
    kept: "تصویرهای نگه‌داشته",
    kept_off: "دروازه تصویری نگه نمی‌دارد؛ تنظیم camera_ring_frames می‌گوید چند تصویر نگه داشته شود",
    kept_none: "هنوز تصویری نگه داشته نشده است.",
    kept_at: "تصویر {}",
    kept_when: "زمان تصویر",
    kept_before: "تصویر پیشین",
    kept_after: "تصویر بعدی",
    kept_play: "پخش",
    kept_pause: "مکث",
    kept_motion: "حرکت بعدی",
    kept_gone: "این تصویر دیگر نگه داشته نمی‌شود.",
    motion_on: "تشخیص حرکت",
    motion_percent: "از این درصد تصویر به بالا",
    motion_hint: "حرکت، مقدار camera_motion برد است: هشدارها، قاعده‌ها و نمودارها از آن استفاده می‌کنند.",
  },
);
