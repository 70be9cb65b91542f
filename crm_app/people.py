"""What a channel, a form or a file knows of an outside person, in one spelling.

It knows no database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from crm_app.normalization import email_normalize, phone_normalize

EMAIL = "email"
PHONE = "phone"
NAME_LENGTH = 200


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A way to reach a person, as `ContactPoint` stores it.

    `kind` is "phone", "email" or, for an identity, the kind of a connector. `scope` says where an
    identity means this person: "" on the whole platform, else what names the account or the
    connector. `value` is normalized.
    """

    kind: str
    value: str
    scope: str = ""

    @property
    def is_identity(self) -> bool:
        return self.kind not in {PHONE, EMAIL}

    def digest(self, *, salt: str, secret: str | None = None) -> str:
        """A keyed hash, 64 characters: it can be compared, not read. `secret`: SECRET_KEY."""
        text = "\x00".join((self.kind, self.scope, self.value))
        return salted_hmac(salt, text, secret=secret, algorithm="sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Person:
    """An outside person: his name as given and his points, best known first."""

    name: str = ""
    points: tuple[Point, ...] = ()
    company: str = ""

    @property
    def identities(self) -> tuple[Point, ...]:
        return tuple(point for point in self.points if point.is_identity)

    def has(self, *kinds: str) -> bool:
        """Whether one of the points is of one of these kinds."""
        return any(point.kind in kinds for point in self.points)


def person_of(
    *,
    name: str = "",
    identity: tuple[str, str, str] | None = None,
    phones: Iterable[str] = (),
    emails: Iterable[str] = (),
    country: str = "",
    company: str = "",
) -> Person:
    """A person from what was given, in any spelling; what is no phone or e-mail is left out.

    `identity` is kind, scope and value; `country` (two letters) reads phones without a country
    code.
    """
    points: list[Point] = []
    if identity is not None and identity[2]:
        kind, scope, value = identity
        if kind in {PHONE, EMAIL}:
            raise ValueError("An identity is of the kind of a connector.")
        points.append(Point(kind=kind, scope=scope, value=value))
    points += [
        Point(kind=PHONE, value=number)
        for text in phones
        if (number := phone_normalize(text, country=country))
    ]
    points += [
        Point(kind=EMAIL, value=address) for text in emails if (address := email_normalize(text))
    ]
    return Person(
        name=name.strip()[:NAME_LENGTH],
        points=tuple(dict.fromkeys(points)),
        company=company.strip()[:NAME_LENGTH],
    )
