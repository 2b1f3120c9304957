"""An account that has refused rests for all runs of the machine: nothing goes out for it until its time has come."""

import json
from pathlib import Path
from random import Random

import pytest

from plait.door.machine_pauses import MachinePauses, machine_pauses
from plait.plans.accounts.refusals import Refusal
from plait.plans.budgets.provider_paths import Provider
from tests.door.doors import PATHS, ask, open_door, raw_upstream, sends, upstream_of, whole
from tests.support.fake_model import fake_model

GOOD = whole(b'{"model": "fake-model", "usage": {"input_tokens": 1, "output_tokens": 1}}')
NOW = 1_800_000_000.0


def refused(status: str, more: bytes = b"", body: bytes = b'{"error": {"message": "no"}}') -> bytes:
    """An answer that refuses."""
    return whole(body, status=status, more=more)


def test_after_a_refusal_no_run_of_the_machine_asks_until_the_time_that_was_named(tmp_path: Path) -> None:
    moment = [NOW]
    limited = refused("429 Too Many Requests", b"retry-after: 600\r\n")
    with (
        raw_upstream(sends(limited), sends(GOOD)) as upstream,
        open_door(tmp_path, clock=lambda: moment[0]) as one,
        open_door(tmp_path, clock=lambda: moment[0]) as other,
    ):
        first = one.open_for("T", upstream_of(upstream.url), account="claude")
        second = other.open_for("U", upstream_of(upstream.url), account="claude")
        third = other.open_for("V", upstream_of(upstream.url), account="codex")
        answer = ask(first)
        assert answer.status == 429
        assert answer.headers["x-should-retry"] == "false"  # a program that waits holds its slot
        for entry in (first, second) * 20:
            answer = ask(entry)
            assert answer.status == 429
            assert answer.json["error"]["type"] == "rate_limit_error"
            assert 600 <= int(answer.headers["retry-after"]) <= 800
            assert answer.headers["x-should-retry"] == "false"
        assert len(upstream.heard) == 1
        assert machine_pauses(tmp_path, moment[0])["claude"].until >= NOW + 600
        refusal = other.sight_of(second).refusal
        assert refusal is not None
        assert (refusal.kind, refusal.until) == ("overload", machine_pauses(tmp_path, moment[0])["claude"].until)
        assert other.sight_of(second).calls == 0
        assert ask(third).status == 200
        moment[0] += 700
        assert not machine_pauses(tmp_path, moment[0])
        assert [ask(first).status, ask(second).status] == [200, 200]
        assert not list((tmp_path / "pauses").glob("*.json"))
        assert one.close(first).refusal is None


@pytest.mark.parametrize(
    ("provider", "path", "answer", "kind", "seconds"),
    [
        ("anthropic", "messages", refused("529 Overloaded"), "overload", 60),
        ("anthropic", "messages", refused("503 Unavailable", b"retry-after: 30\r\n"), "overload", 30),
        ("anthropic", "messages", refused("402 Payment Required"), "quota", 300),
        (
            "anthropic",
            "messages",
            refused("429 No", b"anthropic-ratelimit-unified-reset: 1800003600\r\n", b'{"error":{"type":"x"}}'),
            "overload",
            3_600,
        ),
        ("openai", "responses", refused("429 No", b"", b'{"error":{"code":"insufficient_quota"}}'), "quota", 300),
        ("openai", "responses", refused("429 No", b"retry-after-ms: 20000\r\n"), "overload", 20),
        (
            "openai",
            "responses",
            refused("429 No", b"", b'{"error":{"type":"usage_limit_reached","resets_in_seconds":7200}}'),
            "quota",
            7_200,
        ),
        (
            "google",
            "generate",
            refused(
                "429 No",
                b"",
                b'{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"40s"},{"quotaId":"PerMinute"}]}}',
            ),
            "overload",
            40,
        ),
        (
            "google",
            "generate",
            refused("429 No", b"", b'[{"error":{"status":"RESOURCE_EXHAUSTED","details":[{"quotaId":"xPerDay"}]}}]'),
            "quota",
            300,
        ),
    ],
)
def test_each_vendors_refusal_pauses_for_as_long_as_it_says(
    tmp_path: Path, provider: Provider, path: str, answer: bytes, kind: str, seconds: float
) -> None:
    with raw_upstream(sends(answer)) as upstream, open_door(tmp_path, clock=lambda: NOW) as door:
        entry = door.open_for("T", upstream_of(upstream.url, provider), account="a")
        ask(entry, PATHS[path], headers={"x-api-key": entry.token})
        pause = machine_pauses(tmp_path, NOW)["a"]
        assert pause.kind == kind
        assert NOW + seconds <= pause.until <= NOW + seconds * 1.1 + 3
        sight = door.close(entry)
        assert sight.refusal is not None
        assert sight.refusal.kind == kind
        assert str(sight.status) in sight.refusal.words


@pytest.mark.parametrize("status", ["400 Bad", "401 No", "403 No", "404 No", "500 Oops", "502 Bad", "504 Late"])
def test_other_errors_pause_nobody(tmp_path: Path, status: str) -> None:
    with raw_upstream(sends(refused(status))) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        assert [ask(entry).status, ask(entry).status] == [int(status[:3])] * 2
        assert len(upstream.heard) == 2
        assert not machine_pauses(tmp_path, NOW)


@pytest.mark.parametrize(
    ("provider", "path"), [("anthropic", "messages"), ("openai", "responses"), ("google", "stream")]
)
def test_an_overload_within_a_stream_pauses_as_well(tmp_path: Path, provider: Provider, path: str) -> None:
    with fake_model([{"text": "a", "broken": "error_event"}]) as model, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(model.url, provider), account="a")
        ask(entry, PATHS[path], headers={"x-api-key": entry.token})
        sight = door.close(entry)
        assert sight.refusal is not None
        assert sight.refusal.kind == "overload"
        again = door.open_for("T", upstream_of(model.url, provider), account="a")
        assert ask(again, PATHS[path], headers={"x-api-key": again.token}).status == 429


def test_refusals_in_a_row_pause_longer_and_success_ends_that(tmp_path: Path) -> None:
    pauses, now = MachinePauses(tmp_path), NOW
    lengths = []
    for _ in range(4):
        pause = pauses.refuse("a", Refusal("overload", "no"), now)
        lengths.append(pause.until - now)
        now = pause.until
    assert lengths == [60, 120, 240, 480]
    pauses.works("a", now - 1)
    assert pauses.refuse("a", Refusal("overload", "no"), now).until == now + 900
    now += 900
    pauses.works("a", now)
    assert pauses.refuse("a", Refusal("overload", "no"), now).until == now + 60


def test_refusals_at_the_same_time_count_once_whoever_hears_them(tmp_path: Path) -> None:
    random = Random(3)  # noqa: S311
    untils = {
        MachinePauses(tmp_path).refuse("a", Refusal("overload", "no"), NOW + n / 10, share=random.random()).until
        for n in range(20)
    }
    assert len(untils) == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"account": "a"}',
        '{"account": "a", "kind": "quota", "words": "", "since": 0, "until": 1e300}',
        '{"account": "a", "kind": "odd", "words": "", "since": 1800000000, "until": 1800000100}',
        '{"account": "a", "kind": "quota", "words": "", "since": NaN, "until": 1800000100}',
        "x" * 20_000,
        "[" * 9_000,
    ],
)
def test_a_record_that_is_none_pauses_nobody_and_is_swept(tmp_path: Path, content: str) -> None:
    pauses = MachinePauses(tmp_path)
    pauses.refuse("a", Refusal("quota", "no"), NOW)
    (path,) = (tmp_path / "pauses").glob("*.json")
    path.write_text(content)
    assert pauses.of("a", NOW) is None
    assert pauses.all_on(NOW) == {}
    assert not path.exists()


def test_a_home_that_cannot_be_written_still_lets_the_account_rest_in_this_process(tmp_path: Path) -> None:
    (tmp_path / "pauses").write_text("a file where the folder should be")
    pauses = MachinePauses(tmp_path)
    pauses.refuse("a", Refusal("quota", "no"), NOW)
    assert pauses.of("a", NOW) is not None
    assert pauses.all_on(NOW).keys() == {"a"}


def test_long_gone_records_are_swept_and_accounts_may_have_any_name(tmp_path: Path) -> None:
    pauses = MachinePauses(tmp_path)
    names = ["a", "../../etc", "A", "sh -c 'x'", "é" * 300, ""]
    for name in names:
        pauses.refuse(name, Refusal("overload", "no"), NOW)
    assert set(pauses.all_on(NOW)) == set(names)
    assert {json.loads(path.read_text())["account"] for path in (tmp_path / "pauses").glob("*.json")} == set(names)
    assert pauses.all_on(NOW + 10_000) == {}
    assert not list((tmp_path / "pauses").glob("*.json"))
