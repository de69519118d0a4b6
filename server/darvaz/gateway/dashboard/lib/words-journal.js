// The sentences of the journal, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords({
  older: ["Older", "قدیمی‌تر"],
  newer: ["Newer", "تازه‌تر"],
  none_newer: ["Nothing newer yet.", "هنوز چیز تازه‌تری نیست."],
  none_yet: ["Nothing found so far: “Older” searches further back.", "تا اینجا چیزی یافت نشد: «قدیمی‌تر» ادامه می‌دهد."],
  subject: ["Show", "نمایش"],
  filter_text: ["With the text", "دارای متن"],
  all_devices: ["All devices", "همهٔ دستگاه‌ها"],
  subject_all: ["Everything", "همه چیز"],
  subject_came: ["Who connected", "اتصال‌ها"],
  subject_went: ["Who disconnected", "قطع شدن‌ها"],
  subject_refused: ["Who was refused", "رد شده‌ها"],
  subject_commands: ["Commands", "فرمان‌ها"],
  subject_answers: ["Answers to commands", "پاسخ فرمان‌ها"],
  subject_logs: ["Logs", "گزارش‌ها"],
  subject_errors: ["Warnings and errors", "هشدارها و خطاها"],
  subject_changes: ["Changes", "تغییرها"],
  no_rows: ["No entries.", "ردیفی نیست."],
  export_page: ["Save these rows", "ذخیرهٔ همین ردیف‌ها"],
  export: ["Save as file", "ذخیره در فایل"],
  direction: ["From or to", "جهت"],
  received: ["received", "دریافت"],
  sent: ["sent", "ارسال"],
});
