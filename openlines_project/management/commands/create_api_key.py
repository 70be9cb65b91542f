"""`manage.py create_api_key`: make a key for another program and print it once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from channels_app.models import ApiKey, OpenChannel
from channels_app.services.api_keys import api_key_create
from channels_app.services.errors import ServiceError


class Command(BaseCommand):
    """The key goes to standard output alone, so that a script can keep it in a variable."""

    help = "Makes an API key that acts as a user, and prints it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="user name of the user it acts as")
        parser.add_argument("--name", required=True, help="label, such as the program's name")
        parser.add_argument("--scope", choices=ApiKey.Scope.values, default=ApiKey.Scope.WRITE)
        parser.add_argument(
            "--open-channel", type=int, metavar="ID", help="only for this open channel"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']!r}.")
        line = None
        if options["open_channel"] is not None:
            line = OpenChannel.objects.filter(pk=options["open_channel"]).first()
            if line is None:
                raise CommandError(f"There is no open channel {options['open_channel']}.")
        try:
            key, token = api_key_create(
                user=user, name=options["name"], scope=options["scope"], open_channel=line
            )
        except ServiceError as error:
            reasons = " ".join(text for texts in error.fields.values() for text in texts)
            raise CommandError(f"{error.detail} {reasons}") from error
        where = f", only on {line.name}" if line else ""
        self.stderr.write(
            f"Key {key.name!r} acts as {user.get_username()} ({key.scope}{where}). "
            "It is shown this once:"
        )
        self.stdout.write(token)
