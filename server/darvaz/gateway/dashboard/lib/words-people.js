// The sentences of the page of people, in both languages. {} is where the value goes.

import { addWords } from "./words.js";

addWords({
  people_hint: [
    "Viewers see, users send the commands that they are allowed, operators change things, owners decide who may.",
    "بیننده می‌بیند، کاربر فرمان‌های مجازش را می‌فرستد، اپراتور تغییر می‌دهد و مالک تصمیم می‌گیرد چه کسی چه کند.",
  ],
  people_none: [
    "Nobody has a name here yet. What was done is in the journal by name, once people have one.",
    "هنوز کسی اینجا نام ندارد. وقتی نام داشته باشند، کارهایشان با نام در گزارش می‌آید.",
  ],
  invite: ["Invite", "دعوت"],
  invite_name: ["Name (empty: those who come choose theirs)", "نام (خالی: هر کس می‌آید نام خود را برمی‌گزیند)"],
  invite_uses: ["How many", "چند نفر"],
  invite_days: ["Days", "روز"],
  invite_groups: ["Boards", "بردها"],
  invite_all: ["all boards", "همهٔ بردها"],
  invite_commands: ["Only these commands (empty: all of theirs)", "فقط این فرمان‌ها (خالی: همهٔ فرمان‌هایشان)"],
  invite_made: ["For {}.", "برای {}."],
  invite_until: ["Until", "تا"],
  person_name: ["Name", "نام"],
  person_role: ["Role", "نقش"],
  person_may: ["May use", "اجازهٔ استفاده"],
  person_everything: ["everything", "همه چیز"],
  person_link: ["Sign-in link", "پیوند ورود"],
  person_allow: ["Boards", "بردها"],
  grant_commands: ["Only these commands", "فقط این فرمان‌ها"],
  person_you: ["you", "شما"],
  person_sure: [
    "Remove {}? What they see ends at once, and what they made for others too.",
    "{} حذف شود؟ آنچه می‌بیند همان لحظه پایان می‌یابد، و هرچه برای دیگران ساخته نیز.",
  ],
  person_gone: ["{} is removed.", "{} حذف شد."],
  person_changed: ["Changed: {}.", "تغییر کرد: {}."],
  invitations: ["Invitations", "دعوت‌نامه‌ها"],
  invitations_none: ["No invitation.", "دعوت‌نامه‌ای نیست."],
  invitation_uses: ["Used", "استفاده"],
  invitation_ends: ["Ends", "پایان"],
  invitation_sure: [
    "End the invitation {}? A dashboard that it shows is closed at once.",
    "دعوت‌نامهٔ {} پایان یابد؟ داشبوردی که نشان می‌دهد همان لحظه بسته می‌شود.",
  ],
  invitation_state_live: ["live", "معتبر"],
  invitation_state_used: ["used up", "تمام‌شده"],
  invitation_state_expired: ["expired", "منقضی"],
  share_of: ["Dashboard {}", "داشبورد {}"],
});
