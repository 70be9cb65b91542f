"""Every text a person sees can be translated, and is, into Brazilian Portuguese."""

from __future__ import annotations

import ast
import gettext
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from tests.channels_app.widget.visitor import Visitor, livechat
from tests.factories import (
    ConnectorFactory,
    OpenChannelFactory,
    SuperuserFactory,
    TelegramConnectorFactory,
)
from tests.project.test_layout import tracked
from tests.queue_app.inbox.stories import desk

ROOT = Path(__file__).parents[2]
PACKAGES = ("openlines_project", "crm_app", "channels_app", "queue_app", "stats_app")
CATALOGUES = {
    app: ROOT / app / "locale/pt_BR/LC_MESSAGES/django.po"
    for app in ("openlines_project", "crm_app", "channels_app", "queue_app")
}
# The same in both languages: names, signs, and words Portuguese has taken over.
SAME_IN_BOTH = {
    "API", "Bot", "CRM", "Chat", "E-mail", "Link", "Open Lines", "Sites", "Telegram", "Token",
    "Facebook Messenger", "Instagram", "LINE", "VK", "Viber", "WhatsApp",
    "{m} min", "{h} h {m}", "{d} d {h} h", "%(minutes)d min", "%(hours)d h %(minutes)02d",
    "%(days)d d %(hours)d h",
}  # fmt: skip

# --- reading catalogues -------------------------------------------------------------------

Key = tuple[str, str]
_FIELD = re.compile(r'(#~ )?(msgctxt|msgid|msgid_plural|msgstr|msgstr\[\d\])? ?(".*")$')


@dataclass
class Entry:
    """One message of a catalogue."""

    flags: set[str] = field(default_factory=set)
    fields: dict[str, str] = field(default_factory=dict)
    is_obsolete: bool = False

    @property
    def key(self) -> Key:
        return self.fields.get("msgctxt", ""), self.fields["msgid"]

    @property
    def originals(self) -> list[str]:
        return [self.fields[name] for name in ("msgid", "msgid_plural") if name in self.fields]

    @property
    def translations(self) -> list[str]:
        return [text for name, text in self.fields.items() if name.startswith("msgstr")]


def entries(path: Path) -> list[Entry]:
    """The messages of a catalogue, without its header."""
    found: list[Entry] = []
    for block in path.read_text().split("\n\n"):
        entry, name = Entry(), ""
        for line in block.splitlines():
            if line.startswith("#,"):
                entry.flags |= {flag.strip() for flag in line[2:].split(",")}
            elif match := _FIELD.match(line):
                entry.is_obsolete |= match[1] is not None
                name = match[2] or name
                entry.fields[name] = entry.fields.get(name, "") + ast.literal_eval(match[3])
        if entry.fields.get("msgid"):
            found.append(entry)
    return found


@cache
def catalogue(app: str) -> dict[Key, Entry]:
    return {entry.key: entry for entry in entries(CATALOGUES[app])}


def every_entry() -> Iterator[tuple[str, Entry]]:
    for app in CATALOGUES:
        for entry in catalogue(app).values():
            yield app, entry


_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-+ 0#]*\d*(?:\.\d+)?[diouxXeEfFgGcrsa%]|\{\w*\}")


def placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


# --- the catalogues -----------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("xgettext"), reason="needs gettext: apt-get install gettext")
def test_the_catalogues_have_every_string_of_the_code_and_no_other(tmp_path: Path) -> None:
    for package in (*PACKAGES, "templates"):
        ignored = shutil.ignore_patterns("__pycache__", "static", "*.mo")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "manage.py", tmp_path)
    subprocess.run(
        [sys.executable, "manage.py", "makemessages", "-l", "pt_BR", "--no-location"],
        cwd=tmp_path,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "openlines_project.settings_test"},
        check=True,
        capture_output=True,
    )
    for app, path in CATALOGUES.items():
        made = entries(tmp_path / path.relative_to(ROOT))
        used = {entry.key for entry in made if not entry.is_obsolete}
        assert used - catalogue(app).keys() == set(), f"run makemessages: {app} misses these"
        assert catalogue(app).keys() - used == set(), f"run makemessages: {app} needs these no more"


@pytest.mark.parametrize("app", CATALOGUES)
def test_every_message_is_translated_for_good(app: str) -> None:
    unfinished = [
        entry.key
        for entry in catalogue(app).values()
        if entry.is_obsolete or "fuzzy" in entry.flags or not all(entry.translations)
    ]
    assert catalogue(app)
    assert unfinished == []
    plural = [entry for entry in catalogue(app).values() if "msgid_plural" in entry.fields]
    assert [entry.key for entry in plural if len(entry.translations) != 2] == []


@pytest.mark.parametrize("app", CATALOGUES)
def test_the_compiled_catalogue_is_that_of_the_source(app: str) -> None:
    """A machine that only runs the product has no compiler for it."""
    expected: dict[Any, str] = {}
    for context, msgid in catalogue(app):
        fields = catalogue(app)[context, msgid].fields
        name = f"{context}\x04{msgid}" if context else msgid
        if "msgid_plural" in fields:
            expected |= {(name, number): fields[f"msgstr[{number}]"] for number in (0, 1)}
        else:
            expected[name] = fields["msgstr"]
    with CATALOGUES[app].with_suffix(".mo").open("rb") as file:
        compiled = dict(vars(gettext.GNUTranslations(file))["_catalog"])
    assert "nplurals=2; plural=(n > 1);" in compiled.pop("")
    assert compiled == expected


def test_a_translation_has_the_placeholders_of_its_original() -> None:
    wrong = []
    for app, entry in every_entry():
        # A form for one need not say the number; the last form is for any number.
        pairs = zip(entry.originals, entry.translations, strict=True)
        wrong += [(app, text) for text, told in pairs if placeholders(text) != placeholders(told)]
    assert wrong == []


def test_nothing_is_left_in_english() -> None:
    same = {
        text
        for _app, entry in every_entry()
        for text, told in zip(entry.originals, entry.translations, strict=True)
        if text == told and re.search(r"[A-Za-z]{2}|\{m\}", text)
    }
    assert same - SAME_IN_BOTH == set()


def test_a_string_is_the_same_in_every_catalogue() -> None:
    """All of them are one at run time: the first would win everywhere."""
    told: dict[Key, set[str]] = {}
    for _app, entry in every_entry():
        told.setdefault(entry.key, set()).add("|".join(entry.translations))
    assert {key: texts for key, texts in told.items() if len(texts) > 1} == {}


def test_a_catalogue_names_no_person_and_no_machine() -> None:
    for path in CATALOGUES.values():
        text = path.read_text()
        assert re.findall(r"(?m)^#: /|Last-Translator|Language-Team|@(?!BotFather)\w", text) == []


# --- the pages ----------------------------------------------------------------------------

PORTUGUESE = {"Accept-Language": "pt-br"}
# Words of the product's pages that Portuguese does not have.
ENGLISH = re.compile(
    r"\b(the|and|of|is|are|your|you|with|for|from|this|that|nobody|queue|save|settings|waiting|"
    r"inbox|operators?|password|sign|next|back|send|write|customers?|lines?|accept|chats|name|"
    r"messages?|channels?|time|here|today|files?|connected|duty)\b",
    re.IGNORECASE,
)
SPOKEN = {"aria-label", "title", "placeholder", "alt", "label"}


class Words(HTMLParser):
    """What a page says: its texts, the names of its parts, and sentences kept for scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style"}
        for name, value in attrs:
            sentence = name.startswith("data-") and " " in (value or "")
            if value and (name in SPOKEN or sentence):
                self.found.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.found.append(data.strip())


def words(html: str) -> str:
    parser = Words()
    parser.feed(html)
    # The product's own name is English.
    return "\n".join(parser.found).replace("Open Lines", "")


def english_in(text: str) -> list[str]:
    """The lines with a word of English; the names of placeholders and of LINE are no words."""
    return [
        line for line in text.splitlines() if ENGLISH.search(re.sub(r"{\w+}|\bLINE\b", "", line))
    ]


def test_the_search_for_english_finds_it() -> None:
    page = '<p>Salvar</p><button aria-label="Save the line">x</button><p data-ask="Is it?">'
    assert english_in(words(page)) == ["Save the line", "Is it?"]
    assert english_in(words("<script>the()</script><p class='the'>Salvar</p>")) == []


@pytest.mark.django_db
def test_the_sign_in_page_is_portuguese() -> None:
    answer = Client().get(reverse("inbox:login"), headers=PORTUGUESE)
    text = words(answer.content.decode())
    assert 'lang="pt-br"' in answer.content.decode()
    assert "Nome de usuário" in text
    assert english_in(text) == []


@pytest.mark.django_db
def test_the_inbox_is_portuguese() -> None:
    story = desk()
    story.line.name = "Vendas"
    story.line.save()
    site = ConnectorFactory(open_channel=story.line, name="Loja")
    chat = story.chat(text="Bom dia", connector=site, conversation={"display_name": "Ana"})
    story.offered(text="Oi", connector=site, conversation={"display_name": "Bia"})
    for address in ("/inbox/mine/", "/inbox/waiting/", f"/inbox/chats/{chat.pk}/", "/inbox/me/"):
        text = words(story.client.get(address, headers=PORTUGUESE).content.decode())
        assert "Em serviço" in text
        assert "Aceitar" in text or address == "/inbox/me/"
        assert english_in(text) == []


@pytest.mark.django_db
def test_the_page_of_an_open_channel_is_portuguese(client: Client) -> None:
    client.force_login(SuperuserFactory(first_name="Rui"))
    Group.objects.all().delete()  # the ready ones have English names in every language
    line = OpenChannelFactory(name="Vendas", public_name="Loja da Esquina")
    connector = TelegramConnectorFactory(open_channel=line, name="")
    for page, word in (
        (reverse("admin:channels_app_openchannel_change", args=[line.pk]), "Uniformemente"),
        (reverse("admin:channels_app_connector_change", args=[connector.pk]), "Como conectar"),
    ):
        html = client.get(page, headers=PORTUGUESE).content.decode()
        # Around it is the theme, whose words are its own.
        text = words(html.split('class="ol ol-page"', 1)[1].split("</main>", 1)[0])
        assert word in text
        # Time zones have one name in the whole world.
        assert [told for told in english_in(text) if not re.match(r"\w+/\w", told)] == []


@pytest.mark.django_db
def test_the_live_chat_speaks_the_language_of_its_line() -> None:
    connector = livechat(language="pt-br", public_name="Loja da Esquina", is_active=False)
    page = Client().get(f"/chat/{connector.public_id}/", HTTP_ACCEPT_LANGUAGE="en")
    assert 'lang="pt-BR"' in page.content.decode()
    config = Visitor(connector, origin=None).get("config", HTTP_ACCEPT_LANGUAGE="en").json()
    assert config["greeting"] == "Olá! Como podemos ajudar?"
    assert config["texts"]["send"] == "Enviar"
    assert english_in("\n".join(config["texts"].values())) == []


@pytest.mark.parametrize("code", ["en", "pt-br"])
def test_both_languages_are_offered(code: str) -> None:
    assert code in dict(settings.LANGUAGES)


# --- the sources --------------------------------------------------------------------------

# Said as they are in every language.
BARE = {"Open Lines"}
_SPOKEN_BARE = re.compile(r'\b(?:aria-label|title|placeholder|alt)="([^"]*)"')


def bare_texts(template: str) -> list[str]:
    """Words in a template that no tag translates."""
    text = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", template, flags=re.DOTALL)
    text = re.sub(r"{% comment.*?{% endcomment %}|{#.*?#}", "", text, flags=re.DOTALL)
    text = re.sub(r"{% block (?:body_class|body_attributes) %}.*?{% endblock[^%]*%}", "", text)
    text = re.sub(r"{%.*?%}|{{.*?}}", "", text, flags=re.DOTALL)
    text = re.sub(r"<(script|style|pre|code)\b.*?</\1>", "", text, flags=re.DOTALL)
    said = _SPOKEN_BARE.findall(text) + re.sub(r"<[^>]*>", "\n", text).splitlines()
    parts = [part.strip() for line in said for part in line.split("·")]
    return [part for part in parts if re.search(r"[^\W\d_]{2}", part) and part not in BARE]


def test_a_bare_text_is_found() -> None:
    assert bare_texts('<p title="Save it">{% translate "Keep" %} Hello</p>') == ["Save it", "Hello"]
    assert (
        bare_texts("{# no #}{% blocktranslate %}Hi{% endblocktranslate %}<b>1 · Open Lines</b>")
        == []
    )


def test_templates_carry_no_words_of_their_own() -> None:
    found = {
        name: texts
        for name in tracked("*.html")
        if (texts := bare_texts((ROOT / name).read_text()))
    }
    assert found == {}


def test_scripts_carry_no_sentences_of_their_own() -> None:
    """They get them from the page, which has them translated."""
    sentence = re.compile(r"""(["'`])([A-Z][a-z]+(?: [a-z]+)+[^"'`]*|[A-Z][a-z]+[.!?…])\1""")
    found = {
        name: texts
        for name in tracked("*.js")
        if "vendor" not in name
        and (texts := [match[1] for match in sentence.findall((ROOT / name).read_text())])
    }
    assert found == {}
