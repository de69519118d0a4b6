// The sentences of motion before cameras, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords(
  {
    motion_on: "Notice motion",
    motion_percent: "From this % of the picture on",
    motion_hint: "Motion is the value camera_motion of the board: alerts, rules and charts can use it.",
  },
  {
    motion_on: "تشخیص حرکت",
    motion_percent: "از این درصد تصویر به بالا",
    motion_hint: "حرکت، مقدار camera_motion برد است: هشدارها، قاعده‌ها و نمودارها از آن استفاده می‌کنند.",
  },
);
