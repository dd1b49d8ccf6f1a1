from enforcer.pipeline.buckets import Buckets
from enforcer.policy.call import Call, Caller
from enforcer.policy.index import SERVER_BUCKET
from enforcer.policy.rates import Rate

RATES = {"g": Rate(2, 60.0), SERVER_BUCKET: Rate(3, 60.0)}


def a_call(subject: str = "ada", server: str = "files") -> Call:
    return Call("probe", server, "read", Caller(subject, "drawbridge"))


def test_a_bucket_never_used_is_full() -> None:
    assert Buckets().left(a_call(), RATES, 0.0) == {"g": 2.0, SERVER_BUCKET: 3.0}


def test_a_grant_is_used_up_by_one_principal_and_not_by_another() -> None:
    buckets = Buckets()
    for _ in range(2):
        buckets.take(a_call(), RATES, ("g",), 0.0)
    assert buckets.left(a_call(), RATES, 0.0)["g"] == 0.0
    assert buckets.left(a_call("grace"), RATES, 0.0)["g"] == 2.0


def test_a_server_is_used_up_by_everybody_together() -> None:
    buckets = Buckets()
    buckets.take(a_call(), RATES, (SERVER_BUCKET,), 0.0)
    buckets.take(a_call("grace"), RATES, (SERVER_BUCKET,), 0.0)
    assert buckets.left(a_call(), RATES, 0.0)[SERVER_BUCKET] == 1.0
    assert buckets.left(a_call(server="git"), RATES, 0.0)[SERVER_BUCKET] == 3.0


def test_tokens_come_back_with_time() -> None:
    buckets = Buckets()
    for _ in range(2):
        buckets.take(a_call(), RATES, ("g",), 0.0)
    assert buckets.left(a_call(), RATES, 30.0)["g"] == 1.0


def test_another_rate_starts_with_a_full_bucket() -> None:
    buckets = Buckets()
    buckets.take(a_call(), RATES, ("g",), 0.0)
    assert buckets.left(a_call(), {"g": Rate(5, 60.0)}, 0.0) == {"g": 5.0}
