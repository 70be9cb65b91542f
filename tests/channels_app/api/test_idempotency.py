from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.db import connection

from channels_app.models import Connector, IdempotencyRecord, OpenChannel
from channels_app.services.api_keys import api_key_create
from channels_app.services.errors import ConflictError
from channels_app.services.idempotency import (
    Answer,
    idempotency_clean,
    idempotent_run,
    request_digest,
)
from tests.channels_app.api.client import admin_api, api_for, assert_refused
from tests.factories import OpenChannelFactory, UserFactory

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
KEY = {"Idempotency-Key": "order-1"}


@pytest.mark.django_db
def test_a_repetition_gets_the_first_answer_and_makes_nothing() -> None:
    api = admin_api()
    first = api.post("/open-channels/", {"name": "Sales"}, headers=KEY)
    OpenChannel.objects.update(name="Renamed since")
    again = api.post("/open-channels/", {"name": "Sales"}, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert OpenChannel.objects.count() == 1


@pytest.mark.django_db
def test_the_same_json_written_otherwise_is_the_same_request() -> None:
    api = admin_api()
    api.post("/open-channels/", raw=b'{"name":"Sales","language":"en"}', headers=KEY)
    again = api.post("/open-channels/", raw=b'{ "language": "en", "name": "Sales" }', headers=KEY)
    assert again["Idempotency-Replayed"] == "true"


@pytest.mark.django_db
def test_another_body_with_the_same_key_is_a_conflict() -> None:
    api = admin_api()
    api.post("/open-channels/", {"name": "Sales"}, headers=KEY)
    response = api.post("/open-channels/", {"name": "Support"}, headers=KEY)
    assert_refused(response, 409, "idempotency_conflict")
    assert [line.name for line in OpenChannel.objects.all()] == ["Sales"]


@pytest.mark.django_db
def test_another_address_with_the_same_key_is_a_conflict() -> None:
    api = admin_api()
    line = api.post("/open-channels/", {}, headers=KEY).json()
    body = {"open_channel": line["id"], "kind": "custom"}
    assert_refused(api.post("/connectors/", body, headers=KEY), 409, "idempotency_conflict")
    assert not Connector.objects.exists()


@pytest.mark.django_db
def test_another_program_may_use_the_same_key() -> None:
    admin_api().post("/open-channels/", {"name": "Sales"}, headers=KEY)
    response = admin_api().post("/open-channels/", {"name": "Support"}, headers=KEY)
    assert response.status_code == 201
    assert OpenChannel.objects.count() == 2


@pytest.mark.django_db
def test_a_refused_request_leaves_the_key_free() -> None:
    api = admin_api()
    refused = api.post("/open-channels/", {"name": "x", "time_zone": "Mars/X"}, headers=KEY)
    assert refused.status_code == 400
    assert not IdempotencyRecord.objects.exists()
    response = api.post("/open-channels/", {"name": "x", "time_zone": "UTC"}, headers=KEY)
    assert response.status_code == 201
    assert "Idempotency-Replayed" not in response


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", "two words", "x" * 201, "caf\xe9", "tab\there"])
def test_a_key_that_cannot_be_kept_is_refused(key: Any) -> None:
    response = admin_api().post("/open-channels/", {}, headers={"Idempotency-Key": key})
    assert_refused(response, 400, "invalid", "Idempotency-Key")
    assert not OpenChannel.objects.exists()


@pytest.mark.django_db
def test_a_longest_key_is_taken() -> None:
    response = admin_api().post("/open-channels/", {}, headers={"Idempotency-Key": "~" * 200})
    assert response.status_code == 201


@pytest.mark.django_db
def test_the_record_holds_no_part_of_the_request() -> None:
    api = admin_api()
    api.post("/open-channels/", {"name": "Sales", "public_name": "canary-4711"}, headers=KEY)
    record = IdempotencyRecord.objects.get()
    assert record.request_hash != request_digest(method="POST", path="/", body={})
    assert len(record.request_hash) == 64


@pytest.mark.django_db
def test_what_fails_in_the_work_leaves_neither_effect_nor_record() -> None:
    key, _token = api_key_create(user=UserFactory(), name="test")

    def work() -> tuple[int, object]:
        OpenChannelFactory()
        raise ConflictError("taken", "Taken.")

    with pytest.raises(ConflictError):
        idempotent_run(api_key=key, key="k", digest="d", now=NOW, work=work)
    assert not OpenChannel.objects.exists()
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.django_db
def test_answers_are_kept_for_a_day_and_then_removed() -> None:
    key, _token = api_key_create(user=UserFactory(), name="test")
    for hours in (1, 23, 25, 48):
        made_at = NOW - dt.timedelta(hours=hours)
        IdempotencyRecord.objects.create(
            api_key=key, key=f"{hours}", request_hash="d", created_at=made_at
        )
    assert idempotency_clean(now=NOW) == 2
    assert set(IdempotencyRecord.objects.values_list("key", flat=True)) == {"1", "23"}
    assert idempotency_clean(now=NOW) == 0


@pytest.mark.django_db
def test_after_a_day_the_key_is_free_again() -> None:
    api = admin_api()
    with time_machine.travel(NOW, tick=False):
        api.post("/open-channels/", {"name": "Sales"}, headers=KEY)
    with time_machine.travel(NOW + dt.timedelta(hours=25), tick=False):
        idempotency_clean(now=NOW + dt.timedelta(hours=25))
        response = api.post("/open-channels/", {"name": "Support"}, headers=KEY)
    assert response.status_code == 201
    assert OpenChannel.objects.count() == 2


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_make_one_and_all_get_its_answer() -> None:
    user = UserFactory(is_staff=True, is_superuser=True)
    api = api_for(user, "admin")
    barrier = threading.Barrier(20)

    def post(_number: int) -> Any:
        barrier.wait(timeout=30)
        try:
            return api.post("/open-channels/", {"name": "Sales"}, headers=KEY)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert OpenChannel.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status_code == 201]
    assert [answer.json() for answer in made] == [made[0].json()] * len(made)
    assert sum("Idempotency-Replayed" not in answer for answer in made) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "in_progress"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_without_a_key_twenty_at_once_make_twenty() -> None:
    # The control of the test above: nothing else keeps them from doubling.
    api = api_for(UserFactory(is_staff=True, is_superuser=True), "admin")

    def post(_number: int) -> int:
        try:
            return int(api.post("/open-channels/", {"name": "Sales"}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(post, range(20))) == [201] * 20
    assert OpenChannel.objects.count() == 20


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_repetition_while_the_first_is_still_running_is_told_so() -> None:
    user = UserFactory(is_staff=True, is_superuser=True)
    key, _token = api_key_create(user=user, name="test")
    is_working, may_end = threading.Event(), threading.Event()

    def run(made: int) -> Answer:
        return idempotent_run(
            api_key=key, key="k", digest="d", now=NOW, work=lambda: (201, {"made": made})
        )

    def slow_work() -> tuple[int, object]:
        is_working.set()
        assert may_end.wait(timeout=30)
        return 201, {"made": 1}

    def first() -> int:
        try:
            answer = idempotent_run(api_key=key, key="k", digest="d", now=NOW, work=slow_work)
            return answer.status
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        assert is_working.wait(timeout=30)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        with pytest.raises(ConflictError) as refusal:
            run(2)
        assert refusal.value.code == "in_progress"
        may_end.set()
        assert running.result(timeout=30) == 201
    again = run(3)
    assert (again.status, again.body, again.replayed) == (201, {"made": 1}, True)
    connection.close()  # with its short lock time-out
