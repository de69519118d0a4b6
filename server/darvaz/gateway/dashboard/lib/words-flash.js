// The sentences of a flash from the browser, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords(
  {
    flash_title: "From this browser",
    flash_intro:
      "Connect the board by USB to this computer, fill in its Wi-Fi, and choose its port. The password goes to the board only.",
    flash_where:
      "A board can be flashed from the browser in Chrome, Edge and Opera, and in Firefox from version 151 on, where this page is opened at localhost or by HTTPS. Here it cannot: use the command below.",
    flash_device: "Name of the board",
    flash_device_hint: "as it was, or of its number",
    flash_ssid: "Name of the Wi-Fi",
    flash_password: "Password of the Wi-Fi",
    flash_gateway: "Address for the board",
    flash_start: "Choose the board and flash it",
    flash_enters: "The program of the board is stopped …",
    flash_found: "{}",
    flash_copies: "Copied: {}",
    flash_restarts: "{} restarts, and connects …",
    flash_online: "{} is online.",
    flash_not_online:
      "{} did not come online within a minute. The password of the Wi-Fi, most likely, or the address; what the board says is below.",
    flash_port_busy: "The port cannot be opened: another program uses it. Close Thonny and serial monitors.",
    flash_no_prompt:
      "The board gives no prompt: it has no MicroPython, or its program ignores Ctrl-C. Run make firmware, or make rescue.",
    flash_silent: "The board stopped answering. Unplug it, plug it in, and try again.",
    flash_gone: "The board is gone: the plug, the cable, or the supply.",
    flash_board_error: "The board says: {}",
    flash_no_micropython: "This board runs {}, not MicroPython. Run make firmware.",
    flash_unknown_kind: "This board is of an unknown kind: {}. Use the command below.",
    flash_too_old: "MicroPython {} on this board is too old. Run make firmware.",
    flash_no_wifi: "This board's MicroPython has no Wi-Fi.",
    flash_no_camera: "This board's MicroPython has no camera module. Run make firmware BOARD=esp32cam.",
    flash_foreign: "The board has files of yours: {}. Use the command below, which keeps them. Nothing was changed.",
    flash_bad_config: "config.json on the board cannot be read. Use the command below, which keeps it.",
    flash_no_space: "The board has too little space: {} KB are needed. Nothing was changed.",
    flash_damaged: "{} was damaged on its way to the board: try another cable.",
    flash_ssid_long: "The name of a Wi-Fi has 1 to 32 bytes.",
    flash_password_long: "The password of a Wi-Fi has 8 to 63 bytes, or none.",
  },
  {
    flash_title: "از همین مرورگر",
    flash_intro:
      "برد را با USB به این رایانه وصل کنید، وای‌فای آن را بنویسید و پورتش را انتخاب کنید. رمز فقط به برد می‌رود.",
    flash_where:
      "از مرورگر می‌شود با Chrome، Edge و Opera برد را فلش کرد، و با Firefox از نسخهٔ ۱۵۱؛ به شرط این که صفحه با localhost یا HTTPS باز شده باشد. این‌جا نمی‌شود: از دستور پایین استفاده کنید.",
    flash_device: "نام برد",
    flash_device_hint: "همان که بود، یا از روی شماره‌اش",
    flash_ssid: "نام وای‌فای",
    flash_password: "رمز وای‌فای",
    flash_gateway: "نشانی برای برد",
    flash_start: "انتخاب برد و فلش",
    flash_enters: "برنامهٔ برد متوقف می‌شود …",
    flash_found: "{}",
    flash_copies: "کپی شد: {}",
    flash_restarts: "{} دوباره شروع می‌کند و وصل می‌شود …",
    flash_online: "{} آنلاین است.",
    flash_not_online: "{} تا یک دقیقه آنلاین نشد. به احتمال زیاد رمز وای‌فای، یا نشانی؛ آن‌چه برد می‌گوید پایین آمده است.",
    flash_port_busy: "پورت باز نمی‌شود: برنامهٔ دیگری از آن استفاده می‌کند. Thonny و نمایشگرهای سریال را ببندید.",
    flash_no_prompt:
      "برد خط فرمان نمی‌دهد: MicroPython ندارد یا برنامه‌اش Ctrl-C را نادیده می‌گیرد. make firmware یا make rescue را اجرا کنید.",
    flash_silent: "برد دیگر پاسخ نداد. جدا و دوباره وصلش کنید و باز امتحان کنید.",
    flash_gone: "برد رفت: دوشاخه، کابل یا تغذیه.",
    flash_board_error: "برد می‌گوید: {}",
    flash_no_micropython: "این برد {} دارد، نه MicroPython. make firmware را اجرا کنید.",
    flash_unknown_kind: "نوع این برد ناشناس است: {}. از دستور پایین استفاده کنید.",
    flash_too_old: "MicroPython {} روی این برد قدیمی است. make firmware را اجرا کنید.",
    flash_no_wifi: "MicroPython این برد وای‌فای ندارد.",
    flash_no_camera: "MicroPython این برد ماژول دوربین ندارد. make firmware BOARD=esp32cam را اجرا کنید.",
    flash_foreign: "روی برد فایل‌های شما هست: {}. از دستور پایین استفاده کنید که نگهشان می‌دارد. چیزی عوض نشد.",
    flash_bad_config: "config.json روی برد خوانده نمی‌شود. از دستور پایین استفاده کنید که نگهش می‌دارد.",
    flash_no_space: "جای برد کم است: {} کیلوبایت لازم است. چیزی عوض نشد.",
    flash_damaged: "{} در راه برد خراب شد: کابل دیگری امتحان کنید.",
    flash_ssid_long: "نام وای‌فای ۱ تا ۳۲ بایت است.",
    flash_password_long: "رمز وای‌فای ۸ تا ۶۳ بایت است، یا هیچ.",
  },
);
