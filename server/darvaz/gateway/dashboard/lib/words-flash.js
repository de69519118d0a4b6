// The sentences of a flash from the browser, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords({
  flash_title: ["From this browser", "از همین مرورگر"],
  flash_intro: [
    "Connect the board by USB to this computer, fill in its Wi-Fi, and choose its port. The password goes to the board only.",
    "برد را با USB به این رایانه وصل کنید، وای‌فای آن را بنویسید و پورتش را انتخاب کنید. رمز فقط به برد می‌رود.",
  ],
  flash_where: [
    "Chrome, Edge, Opera, and Firefox from version 151 on, can flash a board from a page that was opened at localhost or by HTTPS. Here it cannot be done: use the command below.",
    "با Chrome، Edge، Opera و Firefox از نسخهٔ ۱۵۱ می‌شود از صفحه‌ای که با localhost یا HTTPS باز شده برد را فلش کرد. این‌جا نمی‌شود: از دستور پایین استفاده کنید.",
  ],
  flash_device: ["Name of the board", "نام برد"],
  flash_device_hint: ["as it was, or of its number", "همان که بود، یا از روی شماره‌اش"],
  flash_ssid: ["Name of the Wi-Fi", "نام وای‌فای"],
  flash_password: ["Password of the Wi-Fi", "رمز وای‌فای"],
  flash_gateway: ["Address for the board", "نشانی برای برد"],
  flash_start: ["Choose the board and flash it", "انتخاب برد و فلش"],
  flash_enters: ["The program of the board is stopped …", "برنامهٔ برد متوقف می‌شود …"],
  flash_found: ["{}", "{}"],
  flash_copies: ["Copied: {}", "کپی شد: {}"],
  flash_restarts: ["{} restarts, and connects …", "{} دوباره شروع می‌کند و وصل می‌شود …"],
  flash_online: ["{} is online.", "{} آنلاین است."],
  flash_not_online: [
    "{} did not come online within a minute. The password of the Wi-Fi, most likely, or the address; what the board says is below.",
    "{} تا یک دقیقه آنلاین نشد. به احتمال زیاد رمز وای‌فای، یا نشانی؛ آن‌چه برد می‌گوید پایین آمده است.",
  ],
  flash_port_busy: [
    "The port cannot be opened: another program uses it. Close Thonny and serial monitors.",
    "پورت باز نمی‌شود: برنامهٔ دیگری از آن استفاده می‌کند. Thonny و نمایشگرهای سریال را ببندید.",
  ],
  flash_no_prompt: [
    "The board gives no prompt: it has no MicroPython, or its program ignores Ctrl-C. Have MicroPython installed here, or run make rescue.",
    "برد خط فرمان نمی‌دهد: MicroPython ندارد یا برنامه‌اش Ctrl-C را نادیده می‌گیرد. MicroPython را همین‌جا نصب کنید یا make rescue را اجرا کنید.",
  ],
  flash_silent: [
    "The board stopped answering. Unplug it, plug it in, and try again.",
    "برد دیگر پاسخ نداد. جدا و دوباره وصلش کنید و باز امتحان کنید.",
  ],
  flash_gone: ["The board is gone: the plug, the cable, or the supply.", "برد رفت: دوشاخه، کابل یا تغذیه."],
  flash_board_error: ["The board says: {}", "برد می‌گوید: {}"],
  flash_no_micropython: [
    "This board runs {}, not MicroPython. Have it installed here.",
    "این برد {} دارد، نه MicroPython. همین‌جا نصبش کنید.",
  ],
  flash_unknown_kind: [
    "This board is of an unknown kind: {}. Use the command below.",
    "نوع این برد ناشناس است: {}. از دستور پایین استفاده کنید.",
  ],
  flash_too_old: [
    "MicroPython {} on this board is too old. Have it installed here.",
    "MicroPython {} روی این برد قدیمی است. همین‌جا نصبش کنید.",
  ],
  flash_no_wifi: ["This board's MicroPython has no Wi-Fi.", "MicroPython این برد وای‌فای ندارد."],
  flash_no_camera: [
    "This board's MicroPython has no camera module. Have it installed here, for the ESP32-CAM.",
    "MicroPython این برد ماژول دوربین ندارد. آن را برای ESP32-CAM همین‌جا نصب کنید.",
  ],
  flash_foreign: [
    "The board has files of yours: {}. Use the command below, which keeps them. Nothing was changed.",
    "روی برد فایل‌های شما هست: {}. از دستور پایین استفاده کنید که نگهشان می‌دارد. چیزی عوض نشد.",
  ],
  flash_bad_config: [
    "config.json on the board cannot be read. Use the command below, which keeps it.",
    "config.json روی برد خوانده نمی‌شود. از دستور پایین استفاده کنید که نگهش می‌دارد.",
  ],
  flash_no_space: [
    "The board has too little space: {} KB are needed. Nothing was changed.",
    "جای برد کم است: {} کیلوبایت لازم است. چیزی عوض نشد.",
  ],
  flash_damaged: [
    "{} was damaged on its way to the board: try another cable.",
    "{} در راه برد خراب شد: کابل دیگری امتحان کنید.",
  ],
  flash_ssid_long: ["The name of a Wi-Fi has 1 to 32 bytes.", "نام وای‌فای ۱ تا ۳۲ بایت است."],
  flash_password_long: ["The password of a Wi-Fi has 8 to 63 bytes, or none.", "رمز وای‌فای ۸ تا ۶۳ بایت است، یا هیچ."],
  flash_micropython_keep: ["stays", "بماند"],
  flash_micropython_pico: ["install: Pico W, Pico 2 W", "نصب: Pico W، Pico 2 W"],
  flash_micropython_esp32cam: ["install: ESP32-CAM", "نصب: ESP32-CAM"],
  flash_stop: ["Stop", "توقف"],
  flash_stopped: ["Stopped.", "متوقف شد."],
  flash_loader: ["The chip restarts into its loader …", "تراشه با لودرش شروع می‌شود …"],
  flash_by_hand: [
    "The chip is silent. With a plain USB adapter: connect IO0 to GND and press RST now.",
    "تراشه پاسخ نمی‌دهد. با مبدل ساده: اکنون IO0 را به GND وصل کنید و RST را بزنید.",
  ],
  flash_no_loader: [
    "The loader of the chip did not answer. Connect IO0 to GND, press RST, and try again.",
    "لودر تراشه پاسخ نداد. IO0 را به GND وصل کنید، RST را بزنید و باز امتحان کنید.",
  ],
  flash_writes: ["Written: {}", "نوشته شد: {}"],
  flash_other_chip: ["This chip is another one: {}.", "این تراشهٔ دیگری است: {}."],
  flash_refused: [
    "The loader refuses a request ({}): press RST, and try again.",
    "لودر نپذیرفت ({}): RST را بزنید و باز امتحان کنید.",
  ],
  flash_not_written: [
    "What the chip has now is not what was sent: try another cable.",
    "آن‌چه تراشه دارد همان نیست که فرستاده شد: کابل دیگری امتحان کنید.",
  ],
  flash_mute_pico: [
    "MicroPython is installed, but gives no prompt yet: plug the board in again, then flash it.",
    "MicroPython نصب شد، ولی خط فرمان نمی‌دهد: برد را جدا و وصل کنید، سپس فلش کنید.",
  ],
  flash_mute_esp32cam: [
    "MicroPython is installed, but gives no prompt yet: take IO0 off GND, press RST, then flash it.",
    "MicroPython نصب شد، ولی خط فرمان نمی‌دهد: IO0 را از GND جدا کنید، RST را بزنید، سپس فلش کنید.",
  ],
  image_file: ["Image of your own (optional)", "تصویر خودتان (اختیاری)"],
  image_comes: ["From the gateway: {}", "از دروازه: {}"],
  image_missing: [
    "The gateway has no image for this board. Let it download one, run the command on its machine, or choose a file.",
    "دروازه برای این برد تصویر ندارد. بگذارید بگیرد، دستور را روی رایانهٔ آن اجرا کنید، یا فایلی انتخاب کنید.",
  ],
  image_fetch: ["Let the gateway download it", "دروازه بگیرد"],
  image_fetches: ["The gateway downloads the image …", "دروازه تصویر را می‌گیرد …"],
  image_again: ["Look again", "دوباره نگاه کن"],
  image_interrupted: [
    "The image did not come: check the network, and try again.",
    "تصویر نرسید: شبکه را ببینید و باز امتحان کنید.",
  ],
  image_checksum: [
    "The image is not the one that the gateway lists: try again.",
    "تصویر همان نیست که دروازه فهرست کرده است: باز امتحان کنید.",
  ],
  image_damaged: ["The image is damaged or cut short.", "تصویر خراب یا ناتمام است."],
  image_none: [
    "This is not an image for these boards: take the .uf2 for a Pico, the .bin for an ESP32-CAM.",
    "تصویر این بردها نیست: برای Pico فایل .uf2 و برای ESP32-CAM فایل .bin.",
  ],
  image_other_chip: ["This image is for another chip, {}.", "این تصویر برای تراشهٔ دیگری است، {}."],
  image_no_wifi: [
    "This image is for “{}”, which has no Wi-Fi: take RPI_PICO_W or RPI_PICO2_W.",
    "تصویر «{}» وای‌فای ندارد: RPI_PICO_W یا RPI_PICO2_W.",
  ],
  image_no_camera: [
    "This image has no camera driver: take mpy_cam …-AI_THINKER.",
    "تصویر درایور دوربین ندارد: mpy_cam …-AI_THINKER.",
  ],
  pico_how: [
    "Plug in the Pico with BOOTSEL held, or restart one that has MicroPython; then choose its drive, RPI-RP2 or RP2350.",
    "Pico را با BOOTSEL نگه‌داشته وصل کنید یا از MicroPython دوباره شروع کنید؛ سپس درایوش، RPI-RP2 یا RP2350، را انتخاب کنید.",
  ],
  pico_choose: ["Choose the drive", "انتخاب درایو"],
  pico_restart: ["Restart a Pico that has MicroPython", "Pico با MicroPython دوباره شروع شود"],
  pico_restarts: ["It restarts as a drive: choose it.", "به شکل درایو شروع می‌شود: انتخابش کنید."],
  pico_is_none: ["This board is not a Pico ({}).", "این برد Pico نیست ({})."],
  pico_no_drive: [
    "“{}” is not a Pico’s drive: it has no INFO_UF2.TXT. Choose RPI-RP2 or RP2350.",
    "«{}» درایو Pico نیست: INFO_UF2.TXT ندارد. RPI-RP2 یا RP2350 را انتخاب کنید.",
  ],
  pico_other_drive: ["This is the drive of another board: {}.", "این درایو برد دیگری است: {}."],
  pico_not_copied: ["The image did not get onto the drive: {}.", "تصویر روی درایو نرفت: {}."],
  pico_stays: ["The board did not restart with the image.", "برد با تصویر دوباره شروع نشد."],
  pico_returns: [
    "MicroPython is on the board. If nothing happens, choose its port.",
    "MicroPython روی برد است. اگر خبری نشد، پورتش را انتخاب کنید.",
  ],
  pico_port: ["Choose the port", "انتخاب پورت"],
  pico_which: [
    "This browser writes to no drives, but you can. Which board?",
    "این مرورگر روی درایو نمی‌نویسد، ولی شما می‌توانید. کدام برد؟",
  ],
  pico_save: ["Save the image", "ذخیرهٔ تصویر"],
  pico_drag: [
    "Save the image, drag it onto the drive, and choose the port when the drive is gone.",
    "تصویر را ذخیره کنید و روی درایو بکشید؛ وقتی درایو رفت پورت را انتخاب کنید.",
  ],
  flash_untouched: ["Nothing was written.", "چیزی نوشته نشد."],
  flash_installed: ["MicroPython is installed.", "MicroPython نصب شده است."],
  flash_partial_pico: [
    "It may have a part of MicroPython: plug it in with BOOTSEL held, and install again.",
    "شاید بخشی از MicroPython را دارد: با BOOTSEL نگه‌داشته وصلش کنید و دوباره نصب کنید.",
  ],
  flash_partial_esp32cam: [
    "It has a part of MicroPython and cannot start: install again.",
    "بخشی از MicroPython را دارد و شروع نمی‌شود: دوباره نصب کنید.",
  ],
});
