"""`manage.py create_operator`: a sign-in for somebody who answers customers."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from channels_app.models import OpenChannel
from channels_app.services.errors import ServiceError
from openlines_project.lib.clock import database_now
from queue_app.services.operators import operator_for_user
from queue_app.services.queues import queue_member_add


class Command(BaseCommand):
    """The password goes to standard output alone, so that a script can hand it on."""

    help = "Makes an operator with a random password and adds him to the queues of lines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="the name he signs in with")
        parser.add_argument("--first-name", default="", help="what customers and colleagues see")
        parser.add_argument("--last-name", default="")
        parser.add_argument("--email", default="")
        parser.add_argument(
            "--open-channel",
            type=int,
            action="append",
            default=[],
            metavar="ID",
            help="add him at the end of this line's queue; may be repeated",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(12)
        user = User(
            username=options["username"],
            first_name=options["first_name"],
            last_name=options["last_name"],
            email=options["email"],
        )
        user.set_password(password)
        try:
            with transaction.atomic():
                user.full_clean()
                user.save()
                operator_for_user(user)
                for line in lines_of(options["open_channel"]):
                    queue_member_add(open_channel=line, user=user, now=database_now())
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except ServiceError as error:
            raise CommandError(error.detail) from error
        self.stderr.write(f"Operator {user.username!r} was made. The password is shown this once:")
        self.stdout.write(password)


def lines_of(ids: list[int]) -> list[OpenChannel]:
    """The open channels with these ids, in this order. Raises `CommandError` for an unknown."""
    found = OpenChannel.objects.in_bulk(ids)
    for number in ids:
        if number not in found:
            raise CommandError(f"There is no open channel {number}.")
    return [found[number] for number in dict.fromkeys(ids)]
