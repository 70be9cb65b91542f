"""The signature of what a custom channel delivers."""

import datetime as dt
import hashlib
import hmac

import pytest

from channels_app.drivers.base import SignatureError
from channels_app.drivers.custom import CustomDriver, sign
from tests.channels_app.drivers.custom_driver import SECRET, driver_for

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
RAW = '{"event":"typing","external_user":{"id":"é"}}'.encode()
HEADER = "x-openlines-signature"


def digest(moment: str, raw: bytes = RAW, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), moment.encode() + b"." + raw, hashlib.sha256).hexdigest()


def header(seconds: int = 0) -> str:
    moment = str(int(NOW.timestamp()) + seconds)
    return f"t={moment},v1={digest(moment)}"


def verify(value: str | None, raw: bytes = RAW, secret: str = SECRET) -> None:
    headers = {} if value is None else {HEADER: value}
    driver_for(secret=secret).verify(headers, raw, now=NOW)


@pytest.mark.parametrize("seconds", [0, 300, -300])
def test_a_fresh_signature_is_accepted(seconds: int) -> None:
    verify(header(seconds))


def test_our_own_signature_is_the_documented_one() -> None:
    assert sign(SECRET, RAW, now=NOW) == header()


def test_one_of_several_signatures_is_enough() -> None:
    moment = str(int(NOW.timestamp()))
    verify(f"t={moment}, v1={'0' * 64}, v1={digest(moment)}")


@pytest.mark.parametrize("seconds", [301, -301, 86_400])
def test_an_old_or_a_future_signature_is_refused(seconds: int) -> None:
    with pytest.raises(SignatureError):
        verify(header(seconds))


MOMENT = str(int(NOW.timestamp()))


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "nonsense",
        f"v1={digest(MOMENT)}",
        f"t={MOMENT}",
        f"t={MOMENT},v1=",
        f"t={MOMENT},v1={digest(MOMENT)[:-1]}",
        f"t={MOMENT},v1={digest(MOMENT).upper()}",
        f"t={MOMENT},v1=\u00e9\udcff",
        f"t={MOMENT},v2={digest(MOMENT)}",
        f"t={MOMENT},t={MOMENT},v1={digest(MOMENT)}",
        f"t={MOMENT}.5,v1={digest(MOMENT + '.5')}",
        f"t=abc,v1={digest('abc')}",
        f"t=-1,v1={digest('-1')}",
        f"t=1e99,v1={digest('1e99')}",
        f"t={'9' * 400},v1={digest('9' * 400)}",
        "t=\u0661\u0662,v1=" + digest("\u0661\u0662"),
        f"t={MOMENT},v1={digest(MOMENT, secret='another-secret-of-theirs')}",
    ],
    ids=lambda value: repr(value)[:40],
)
def test_anything_else_is_refused(value: str | None) -> None:
    with pytest.raises(SignatureError):
        verify(value)


def test_the_signature_is_that_of_the_bytes() -> None:
    with pytest.raises(SignatureError):
        verify(header(), raw=RAW.replace(b":", b": "))


def test_without_a_secret_nothing_is_accepted() -> None:
    moment = MOMENT
    with pytest.raises(SignatureError):
        verify(f"t={moment},v1={digest(moment, secret='')}", secret="")


def test_the_secret_made_by_us_is_long_enough() -> None:
    made = CustomDriver.new_secrets()
    assert list(made) == ["secret"]
    assert len(made["secret"]) >= 32
    assert made != CustomDriver.new_secrets()
