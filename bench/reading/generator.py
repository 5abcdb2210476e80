"""WhatsApp exports with known contents, in every way of writing them that we claim to read, as hard as they come.

In: a locale, a number of lines, a seed. Out: the export's bytes and the messages that are in them. It knows nothing
of the reader: headers are put together from the way each phone writes dates, not from the reader's patterns. `python
-m bench.reading.generator LOCALE LINES SEED > file` writes one.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

NNBSP, NBSP, LRM = "\u202f", "\u00a0", "\u200e"


class Truth(NamedTuple):
    """A message as it must be read."""

    author: str
    sent_at: int
    kind: str
    text: str
    marks: int


@dataclass(frozen=True)
class Words:
    """What the app writes in one language."""

    encryption: str
    media: tuple[str, ...]
    attached: str
    deleted: tuple[str, ...]
    edited: str
    call: tuple[str, ...]
    location: str
    system: tuple[str, ...]  # {a} and {b} are people
    talk: str


WORDS = {
    "es": Words(
        "Los mensajes y las llamadas están cifrados de extremo a extremo. Nadie fuera de este "
        "chat, ni siquiera WhatsApp,"
        " puede leerlos ni escucharlos. Toca para obtener más información.",
        ("<Multimedia omitido>", "imagen omitida", "video omitido", "audio omitido", "sticker omitido", "GIF omitido"),
        "{file} (archivo adjunto)|<adjunto: {file}>",
        ("Se eliminó este mensaje.", "Eliminaste este mensaje.", "Se eliminó este mensaje"),
        "<Se editó este mensaje.>",
        (
            "Llamada perdida",
            "Llamada de voz perdida",
            "Videollamada perdida",
            "Llamada de voz. 5 min",
            "Videollamada. 2 min",
        ),
        "ubicación: https://maps.google.com/?q=-34.6,-58.4",
        (
            "{a} añadió a {b}",
            "{a} salió del grupo",
            '{a} cambió el asunto de "Asado: domingo" a "Asado: sábado"',
            '{a} creó el grupo "Los: pibes"',
            "{a} cambió tu código de seguridad. Toca para más información.",
            "{a} se unió usando el enlace de invitación de este grupo",
            "{a} cambió el ícono de este grupo",
            "{a} activó los mensajes temporales. Los mensajes nuevos desaparecerán de este chat 24 horas después.",
        ),
        "hola qué hacés che mañana vemos todo bien dale jaja después año corazón está acá número grupo añadió cambió",
    ),
    "en": Words(
        "Messages and calls are end-to-end encrypted. No one outside of this chat, not even "
        "WhatsApp, can read or listen"
        " to them. Tap to learn more.",
        ("<Media omitted>", "image omitted", "video omitted", "audio omitted", "sticker omitted", "GIF omitted"),
        "{file} (file attached)|<attached: {file}>",
        ("This message was deleted", "You deleted this message", "This message was deleted."),
        "<This message was edited>",
        (
            "Missed voice call",
            "Missed video call",
            "Voice call. 16 min",
            "Missed voice call. Tap to call back",
            "Video call. No answer",
        ),
        "location: https://maps.google.com/?q=-34.6,-58.4",
        (
            "{a} added {b}",
            "{a} left",
            '{a} changed the subject from "Trip: may" to "Trip: june"',
            '{a} created group "The: lot"',
            "Your security code with {a} changed. Tap to learn more.",
            "{a} joined using this group's invite link",
            "{a} changed this group's icon",
        ),
        "hello what are you doing tomorrow see all good then haha later left added group removed naïve café",
    ),
    "de": Words(
        "Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt. Niemand außerhalb dieses Chats "
        "kann sie lesen oder anhören,"
        " nicht einmal WhatsApp. Tippe, um mehr zu erfahren.",
        (
            "<Medien ausgeschlossen>",
            "Bild weggelassen",
            "Video weggelassen",
            "Audio weggelassen",
            "Sticker weggelassen",
        ),
        "{file} (Datei angehängt)|<Anhang: {file}>",
        ("Diese Nachricht wurde gelöscht.", "Du hast diese Nachricht gelöscht."),
        "<Diese Nachricht wurde bearbeitet.>",
        ("Verpasster Sprachanruf", "Verpasster Videoanruf", "Sprachanruf. 5 Min."),
        "Standort: https://maps.google.com/?q=-34.6,-58.4",
        (
            "{a} hat {b} hinzugefügt",
            "{a} hat die Gruppe verlassen",
            "{a} hat den Betreff von „Grillen: Sonntag“ zu „Grillen: Samstag“ geändert",
            "{a} hat die Gruppe „Die: Jungs“ erstellt",
            "{a} hat das Gruppenbild geändert",
        ),
        "hallo was machst du morgen sehen alles gut dann später schön über Gruppe hinzugefügt",
    ),
    "pt": Words(
        "As mensagens e as ligações são protegidas com a criptografia de ponta a ponta. Ninguém "
        "fora desta conversa, nem"
        " mesmo o WhatsApp, pode ler ou ouvi-las. Toque para saber mais.",
        ("<Mídia oculta>", "imagem ocultada", "vídeo omitido", "áudio ocultado", "figurinha omitida", "GIF omitido"),
        "{file} (arquivo anexado)|<anexado: {file}>",
        ("Mensagem apagada", "Você apagou esta mensagem"),
        "<Mensagem editada>",
        ("Ligação de voz perdida", "Ligação de vídeo perdida", "Ligação de voz. 5 min"),
        "localização: https://maps.google.com/?q=-34.6,-58.4",
        (
            "{a} adicionou {b}",
            "{a} saiu",
            '{a} mudou o nome do grupo de "Churras: domingo" para "Churras: sábado"',
            '{a} criou o grupo "Os: caras"',
            "{a} mudou a imagem deste grupo",
        ),
        "oi tudo bem amanhã então você está não depois coração grupo adicionou saiu",
    ),
    "it": Words(
        "I messaggi e le chiamate sono crittografati end-to-end. Nessuno al di fuori di questa "
        "chat, nemmeno WhatsApp, può"
        " leggerne o ascoltarne il contenuto. Tocca per saperne di più.",
        ("<Media omessi>", "immagine omessa", "video omesso", "audio omesso", "sticker omesso", "GIF esclusa"),
        "{file} (file allegato)|<allegato: {file}>",
        ("Questo messaggio è stato eliminato.", "Hai eliminato questo messaggio."),
        "<Questo messaggio è stato modificato>",
        ("Chiamata vocale persa", "Videochiamata persa", "Chiamata vocale. 5 min"),
        "posizione: https://maps.google.com/?q=-34.6,-58.4",
        (
            "{a} ha aggiunto {b}",
            "{a} ha abbandonato il gruppo",
            '{a} ha cambiato l\'oggetto da "Cena: domenica" a "Cena: sabato"',
            '{a} ha creato il gruppo "I: soliti"',
        ),
        "ciao come stai domani allora perché più dopo città gruppo aggiunto",
    ),
    "fr": Words(
        "Les messages et les appels sont chiffrés de bout en bout. Aucun tiers, pas même WhatsApp, "
        "ne peut les lire ou les"
        " écouter. Appuyez pour en savoir plus.",
        ("<Médias omis>", "image absente", "vidéo absente", "audio omis", "sticker omis", "GIF retiré"),
        "{file} (fichier joint)|<pièce jointe : {file}>",
        ("Ce message a été supprimé", "Vous avez supprimé ce message"),
        "<Ce message a été modifié>",
        ("Appel vocal manqué", "Appel vidéo manqué", "Appel vocal. 5 min"),
        "localisation : https://maps.google.com/?q=-34.6,-58.4",
        (
            "{a} a ajouté {b}",
            "{a} est parti",
            "{a} a changé le sujet de « Repas : dimanche » à « Repas : samedi »",
            "{a} a créé le groupe « Les : gars »",
            "{a} a changé l'icône de ce groupe",
        ),
        "salut ça va demain alors où être après cœur groupe ajouté parti",
    ),
    "zh": Words(
        "消息和通话已进行端到端加密。此聊天以外的任何人，包括 WhatsApp，都无法读取或收听。",
        ("<省略多媒体文件>", "图像已忽略", "视频已忽略", "音频已忽略"),
        "{file} (文件附件)|<附件：{file}>",
        ("此消息已删除", "您已删除此消息"),
        "<此消息已编辑>",
        ("未接语音通话", "未接视频通话"),
        "位置：https://maps.google.com/?q=-34.6,-58.4",
        ("{a}创建了群组“晚饭：周日”", "{a}退出了群组", "{a}添加了{b}"),
        "你好 明天 见面 吃饭 好的 哈哈 以后 群组 添加了",
    ),
    "ja": Words(
        "メッセージと通話はエンドツーエンドで暗号化されています。このチャットの参加者以外は、WhatsAppであっても読めません。",
        ("<メディアなし>", "画像は除外されました"),
        "{file} (添付ファイル)|<添付ファイル：{file}>",
        ("このメッセージは削除されました",),
        "<このメッセージは編集されました>",
        ("不在着信（音声）", "不在着信（ビデオ）"),
        "位置情報: https://maps.google.com/?q=-34.6,-58.4",
        ("{a}がグループ「飯：日曜」を作成しました", "{a}が{b}を追加しました", "{a}が退出しました"),
        "こんにちは 明日 会う ご飯 了解 笑 後で グループ",
    ),
    "ko": Words(
        "메시지와 통화는 종단간 암호화됩니다. WhatsApp을 포함한 누구도 읽거나 들을 수 없습니다.",
        ("<미디어 파일을 생략한 메시지입니다>", "이미지 생략됨"),
        "{file} (파일 첨부됨)|<첨부: {file}>",
        ("삭제된 메시지입니다",),
        "<이 메시지는 편집되었습니다>",
        ("부재중 음성전화", "부재중 영상전화"),
        "위치: https://maps.google.com/?q=-34.6,-58.4",
        ("{a}님이 그룹 '밥: 일요일'을 만들었습니다", "{a}님이 나갔습니다"),
        "안녕 내일 만나 밥 그래 하하 나중에 그룹",
    ),
}


def _half(at: datetime) -> int:
    return at.hour % 12 or 12


def _plain(pattern: str) -> Callable[[datetime], str]:
    """`{d}` day, `{dd}` two digits, `{m}` `{mm}`, `{yy}` `{yyyy}`, `{h}` `{hh}` of 24, `{k}` of 12, `{mi}` `{s}`."""

    def written(at: datetime) -> str:
        return pattern.format(
            d=at.day, dd=f"{at.day:02}", m=at.month, mm=f"{at.month:02}", yy=f"{at.year % 100:02}", yyyy=at.year,
            h=at.hour, hh=f"{at.hour:02}", k=_half(at), mi=f"{at.minute:02}", s=f"{at.second:02}",
            AM="PM" if at.hour >= 12 else "AM", am="pm" if at.hour >= 12 else "am", pm="p." if at.hour >= 12 else "a.",
            zh="下午" if at.hour >= 12 else "上午", ja="午後" if at.hour >= 12 else "午前",
            ko="오후" if at.hour >= 12 else "오전",
        )  # fmt: skip

    return written


@dataclass(frozen=True)
class Locale:
    """How one phone writes."""

    words: str
    header: Callable[[datetime], str]
    order: str  # dmy, mdy or ymd
    seconds: bool = False
    ios: bool = False
    colon: str = ": "
    newline: str = "\n"
    between: str = "\n"  # after a message
    bom: bool = False
    padded_name: bool = False
    alien: tuple[str, ...] = field(default=())


def android(words: str, pattern: str, order: str, **more: object) -> Locale:
    return Locale(words, _plain(pattern), order, **more)  # type: ignore[arg-type]


def ios(words: str, pattern: str, order: str, **more: object) -> Locale:
    return Locale(words, _plain(pattern), order, seconds="{s}" in pattern, ios=True, **more)  # type: ignore[arg-type]


LOCALES: dict[str, Locale] = {
    "android-es-AR": android("es", "{d}/{m}/{yyyy}, {hh}:{mi} - ", "dmy"),
    "android-es-AR-12h": android("es", "{d}/{m}/{yyyy}, {k}:{mi} {pm} m. - ", "dmy"),
    "android-es-AR-12h-nbsp": android("es", "{d}/{m}/{yy} {k}:{mi}" + NBSP + "{pm}" + NBSP + "m. - ", "dmy"),
    "android-es": android("es", "{dd}/{mm}/{yy}, {h}:{mi} - ", "dmy", bom=True),
    "android-es-US": android("es", "{m}/{d}/{yy}, {k}:{mi}" + NNBSP + "{pm}" + NBSP + "m. - ", "mdy"),
    "android-en-US": android("en", "{m}/{d}/{yy}, {k}:{mi}" + NNBSP + "{AM} - ", "mdy"),
    "android-en-US-old": android("en", "{m}/{d}/{yy}, {k}:{mi} {AM} - ", "mdy"),
    "android-en-GB": android("en", "{dd}/{mm}/{yyyy}, {hh}:{mi} - ", "dmy"),
    "android-en-IN": android("en", "{dd}/{mm}/{yyyy}, {k}:{mi}" + NNBSP + "{am} - ", "dmy"),
    "android-de": android("de", "{dd}.{mm}.{yy}, {hh}:{mi} - ", "dmy"),
    "android-de-um": android("de", "{dd}.{mm}.{yy} um {hh}:{mi} - ", "dmy"),
    "android-pt-BR": android("pt", "{dd}/{mm}/{yyyy} {hh}:{mi} - ", "dmy"),
    "android-it": android("it", "{dd}/{mm}/{yy}, {hh}:{mi} - ", "dmy"),
    "android-fr": android("fr", "{dd}/{mm}/{yyyy}, {hh}:{mi} - ", "dmy"),
    "android-fr-a": android("fr", "{dd}/{mm}/{yyyy} à {hh}:{mi} - ", "dmy"),
    "android-zh": android("zh", "{yyyy}/{m}/{d} {zh}{k}:{mi} - ", "ymd"),
    "android-ja": android("ja", "{yyyy}/{mm}/{dd} {ja}{k}:{mi} - ", "ymd"),
    "android-ko": android("ko", "{yyyy}. {m}. {d}. {ko} {k}:{mi} - ", "ymd"),
    "android-ko-comma": android("ko", "{yyyy}. {m}. {d}. {ko} {k}:{mi}, ", "ymd", colon=" : "),
    "android-ko-words": android("ko", "{yyyy}년 {m}월 {d}일 {ko} {k}:{mi}, ", "ymd", colon=" : "),
    "android-iso": android("en", "{yyyy}-{mm}-{dd}, {hh}:{mi} - ", "ymd"),
    "android-short-year-first": android("en", "{yy}/{mm}/{dd}, {hh}:{mi} - ", "ymd"),
    "android-crlf": android("es", "{d}/{m}/{yy}, {hh}:{mi} - ", "dmy", newline="\r\n", between="\r\n"),
    "ios-es": ios("es", "[{d}/{m}/{yy}, {h}:{mi}:{s}] ", "dmy"),
    "ios-es-AR": ios("es", "[{d}/{m}/{yy}, {k}:{mi}:{s}" + NNBSP + "{pm}" + NBSP + "m.] ", "dmy"),
    "ios-es-US": ios("es", "[{m}/{d}/{yy}, {k}:{mi}:{s} {pm} m.] ", "mdy"),
    "ios-en-US": ios("en", "[{m}/{d}/{yy}, {k}:{mi}:{s}" + NNBSP + "{AM}] ", "mdy", between="\r\n"),
    "ios-en-GB": ios("en", "[{dd}/{mm}/{yyyy}, {hh}:{mi}:{s}] ", "dmy", bom=True),
    "ios-de": ios("de", "[{dd}.{mm}.{yy}, {hh}:{mi}:{s}] ", "dmy"),
    "ios-pt-BR": ios("pt", "[{dd}/{mm}/{yyyy}, {hh}:{mi}:{s}] ", "dmy"),
    "ios-it": ios("it", "[{dd}/{mm}/{yy}, {hh}:{mi}:{s}] ", "dmy"),
    "ios-fr": ios("fr", "[{dd}/{mm}/{yyyy} {hh}:{mi}:{s}] ", "dmy"),
    "ios-zh": ios("zh", "[{yyyy}/{m}/{d} {zh}{k}:{mi}:{s}] ", "ymd"),
    "ios-zh-24h": ios("zh", "[{yyyy}/{m}/{d} {hh}:{mi}:{s}] ", "ymd"),
    "ios-ja": ios("ja", "[{yyyy}/{mm}/{dd} {h}:{mi}:{s}] ", "ymd"),
    "ios-ko": ios("ko", "[{yyyy}. {m}. {d}. {ko} {k}:{mi}:{s}] ", "ymd"),
}

PEOPLE = (
    ("Meli", "Meli"), ("Federico 🧉", "Federico 🧉"), ("Dr. López: Cardio", "Dr. López: Cardio"),
    ("\u202a+54 9 11 5555-0101\u202c", "+54 9 11 5555-0101"), ("~ Vale", "~ Vale"), ("José María", "José María"),
    ("Ana", "Ana"),
)  # fmt: skip
ODD = (
    "👨\u200d👩\u200d👧 los tres",
    "línea\u2028separada",
    "salto\x0cde página",
    "a\x85b\x1cc\u2029d",
    "½ ﬁ ａｂｃ Å",
    "e\u0301 descompuesta",
    "hola: todo bien?",
    "http://x.y/z: mirá",
    "3/4/25 es el turno: llevá el dni",
    "12/06 nos vemos a las 22:10 - dale",
    "<3",
    "(sí)",
    "<html>",
    "[nota] ver: esto",
    " con espacios  ",
    "مرحبا بالعالم",
    "null pointer",
    "###",
    "a;b;c",
    '"comillas"',
    "\ttabulado",
    "🇦🇷🏳️\u200d🌈",
    "fin\r",
    "x" * 3000,
)


class Maker:
    def __init__(self, locale: Locale, seed: int) -> None:
        self.locale = locale
        self.words = WORDS[locale.words]
        self.dice = random.Random(seed)
        self.at = datetime(2022, self.dice.randint(1, 3), self.dice.randint(1, 28), 9, 5, 30)
        self.lines: list[str] = []
        self.truth: list[Truth] = []

    def seconds(self) -> int:
        at = self.at if self.locale.seconds else self.at.replace(second=0)
        return int((at - datetime(1970, 1, 1)).total_seconds())

    def say(
        self, person: tuple[str, str], text: str, kind: str = "text", kept: str | None = None, marks: int = 0
    ) -> None:
        """A line with a sender; `kept` is the text that must come out, if it is another."""
        mark = LRM if self.locale.ios and (kind != "text") and not text.startswith(LRM) else ""
        before = LRM if mark and self.dice.random() < 0.5 else ""
        name = person[0]
        self._write(f"{before}{self.locale.header(self.at)}{name}{self.locale.colon}{mark}{text}")
        whole = mark + text if kept is None else kept
        self.truth.append(Truth(person[1], self.seconds(), kind, whole, marks))

    def tell(self, text: str) -> None:
        """A system line: without a sender on Android, under the group's name on iOS."""
        if self.locale.ios:
            self._write(f"{self.locale.header(self.at)}Los de siempre{self.locale.colon}{LRM}{text}")
            self.truth.append(Truth("", self.seconds(), "system", LRM + text, 0))
        else:
            self._write(f"{self.locale.header(self.at)}{text}")
            self.truth.append(Truth("", self.seconds(), "system", text, 0))

    def _write(self, line: str) -> None:
        self.lines.append(line.replace("\n", self.locale.newline))

    def go_on(self, *, plain: bool) -> None:
        if plain:  # a million messages within a lifetime
            self.at += timedelta(seconds=self.dice.choice((0, 1, 7, 30, 61, 400, 2000)))
            return
        self.at += timedelta(seconds=self.dice.choice((0, 1, 7, 30, 61, 400, 4000, 40_000)))
        if self.dice.random() < 0.02:
            self.at += timedelta(days=self.dice.randint(1, 9))

    def talk(self) -> str:
        return " ".join(self.dice.choices(self.words.talk.split(" "), k=self.dice.randint(1, 12)))

    def hard(self) -> str:
        """Words that look like what they are not."""
        dice = self.dice
        header = self.locale.header(self.at)
        other = PEOPLE[0][1]
        a, b = PEOPLE[0][1], PEOPLE[-1][1]
        impossible = {"dmy": "31/02/2023, 10:00 - ", "mdy": "02/31/2023, 10:00 - ", "ymd": "2023/02/31 10:00 - "}
        same_shape = self._impossible_header()
        return dice.choice(
            (
                dice.choice(ODD),
                f"me dijo {header}{other}{self.locale.colon}hola",
                f"mirá:\n{same_shape}{other}{self.locale.colon}hola",
                f"mirá:\n{impossible[self.locale.order]}{other}: hola",
                "28/6/2023 12:30 nos vemos",
                f"{self.talk()}\n28/6/2023 12:30 nos vemos",
                f"[14:45, 27/5/2023] {other}: hola\n[0:05, 28/5/2023] {other}: chau",
                f"{self.talk()}\n[14:45, 27/5/2023] {other}: hola",
                f"{self.talk()}\n\n\n{self.talk()}",
                f"\n{self.talk()}",
                f"{self.talk()}\n{dice.choice(ODD)}",
                self.words.system[0].format(a=a, b=b) + " y yo qué sé",
                f"{self.talk()} {self.words.media[0]} {self.talk()}",
                f"{self.talk()} {self.words.deleted[0]} {self.talk()}",
                f"ojo: {self.words.encryption}",
                f"{self.talk()}: {self.talk()}: {self.talk()}",
                "",
                self.talk().upper(),
            )
        )

    def _impossible_header(self) -> str:
        """This phone's way of writing a day that the calendar does not have, or a time that no clock shows."""
        if self.dice.random() < 0.5:
            at = datetime(2023, 11, 22, 3, 44, 55)
            written = self.locale.header(at)
            return written.replace("11", "13").replace("22", "45")
        return self.locale.header(datetime(2023, 10, 20, 3, 44, 55)).replace(":44", ":77")


def generate(locale: str, lines: int, seed: int, *, plain: bool = False) -> tuple[bytes, list[Truth]]:
    """An export of about so many lines, and its messages. `plain`: two people and nothing that is hard."""
    made = Maker(LOCALES[locale], seed)
    dice, words = made.dice, made.words
    people = PEOPLE[:2] if plain else PEOPLE
    made.tell(words.encryption)
    count = 1
    # Everybody speaks a few times, so that a name with a colon can be known for one.
    opening = [] if plain else [person for person in people for _again in range(4)]
    dice.shuffle(opening)
    while count < lines:
        made.go_on(plain=plain)
        person = opening.pop() if opening else dice.choice(people)
        chance = dice.random()
        if plain or chance < 0.70:
            made.say(person, made.talk())
        elif chance < 0.86:
            made.say(person, made.hard())
        elif chance < 0.90:
            made.say(person, dice.choice(words.media), "media")
        elif chance < 0.92:
            form = words.attached.split("|")[1 if made.locale.ios else 0]
            text = form.format(file=f"IMG-20230527-WA{dice.randint(0, 9999):04}.jpg")
            if made.locale.ios:
                made.say(person, f"{made.talk()} {LRM}{text}" if dice.random() < 0.3 else LRM + text, "media")
                made.truth[-1] = made.truth[-1]._replace(text=made.truth[-1].text)
            else:
                made.say(person, text + (f"\n{made.talk()}" if dice.random() < 0.5 else ""), "media")
        elif chance < 0.93:
            made.say(person, dice.choice(words.deleted), "deleted")
        elif chance < 0.95:
            text = made.talk()
            made.say(person, f"{text} {LRM if made.locale.ios else ''}{words.edited}", kept=text, marks=1)
        elif chance < 0.965:
            made.say(person, dice.choice(words.call), "call")
        elif chance < 0.97:
            made.say(person, words.location, "location")
        else:
            a, b = dice.sample([one[1] for one in people], 2)
            made.tell(dice.choice(words.system).format(a=a, b=b))
        count += 1 + made.lines[-1].count("\n")
    text = made.locale.between.join(made.lines) + made.locale.between
    return (b"\xef\xbb\xbf" if made.locale.bom else b"") + text.encode(), made.truth


if __name__ == "__main__":
    sys.stdout.buffer.write(generate(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))[0])
