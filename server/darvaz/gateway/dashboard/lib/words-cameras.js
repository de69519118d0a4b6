// The sentences of cameras: their kept pictures and motion, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords({
  kept: ["Kept pictures", "تصویرهای نگه‌داشته"],
  kept_off: [
    "the gateway keeps no pictures; the setting camera_ring_frames says how many it keeps",
    "دروازه تصویری نگه نمی‌دارد؛ تنظیم camera_ring_frames می‌گوید چند تصویر نگه داشته شود",
  ],
  kept_none: ["No picture was kept yet.", "هنوز تصویری نگه داشته نشده است."],
  kept_at: ["Picture of {}", "تصویر {}"],
  kept_when: ["Time of the picture", "زمان تصویر"],
  kept_before: ["Picture before", "تصویر پیشین"],
  kept_after: ["Picture after", "تصویر بعدی"],
  kept_play: ["Play", "پخش"],
  kept_pause: ["Pause", "مکث"],
  kept_motion: ["Next motion", "حرکت بعدی"],
  kept_gone: ["This picture is no longer kept.", "این تصویر دیگر نگه داشته نمی‌شود."],
  wall_layout: ["In a row", "در هر ردیف"],
  wall_0: ["As many as fit", "هر چند که جا شود"],
  wall_1: ["1", "۱"],
  wall_2: ["2", "۲"],
  wall_3: ["3", "۳"],
  wall_4: ["4", "۴"],
  picture_now: ["Now: {}", "اکنون: {}"],
  picture_own: ["This camera decides by itself what it sends.", "این دوربین خودش تعیین می‌کند چه بفرستد."],
  picture_size: ["Size", "اندازه"],
  picture_quality: ["Quality", "کیفیت"],
  picture_fps: ["Pictures a second", "تصویر در ثانیه"],
  picture_bytes: ["{} each", "هر یک {}"],
  picture_viewers: ["{} watching", "{} بیننده"],
  picture_usual: ["As it was at first", "مانند آغاز"],
  picture_pending: ["The camera is being asked …", "از دوربین خواسته می‌شود …"],
  picture_refused: ["The camera refused: {}", "دوربین نپذیرفت: {}"],
  picture_later: ["Saved. The camera is asked when it is back.", "ذخیره شد. وقتی دوربین برگردد از آن خواسته می‌شود."],
  picture_no_answer: ["Saved. The camera has not answered yet.", "ذخیره شد. دوربین هنوز پاسخ نداده است."],
  motion_on: ["Notice motion", "تشخیص حرکت"],
  motion_percent: ["From this % of the picture on", "از این درصد تصویر به بالا"],
  motion_hint: [
    "Motion is the value camera_motion of the board: alerts, rules and charts can use it.",
    "حرکت، مقدار camera_motion برد است: هشدارها، قاعده‌ها و نمودارها از آن استفاده می‌کنند.",
  ],
});
