"""Secrets of an embedded installation, made on first use and kept in `var/`."""

import base64
import os
import secrets
from pathlib import Path


def local_secrets(var: Path) -> dict[str, str]:
    """Read `var/secrets.env`, making it first when it is missing.

    Returns `{"SECRET_KEY": ..., "FIELD_ENCRYPTION_KEYS": ...}`. The file is readable by its
    owner only and appears whole or not at all, so that two processes started together agree
    on one set of secrets.
    """
    path = var / "secrets.env"
    if not path.exists():
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = {
            "SECRET_KEY": secrets.token_urlsafe(64),
            "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        }
        draft = var / f"secrets.env.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in made.items())
        try:
            os.link(draft, path)  # fails when another process was first: its file counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)
