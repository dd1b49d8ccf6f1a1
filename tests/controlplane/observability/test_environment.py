"""The two variables of observability, read in the only place that reads the environment."""

from pathlib import Path

import pytest

from controlplane.config.environment import EnvironmentProblemError, read_environment


def test_without_a_variable_the_token_is_the_one_that_up_makes(tmp_path: Path) -> None:
    found = read_environment({"DRAWBRIDGE_DATA_DIR": str(tmp_path)})
    assert (found.metrics_token_file, found.log_format) == (tmp_path / "metrics.token", "auto")


def test_a_token_file_of_ones_own_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t" * 32 + "\n")
    found = read_environment({"METRICS_TOKEN_FILE": str(file), "LOG_FORMAT": "json"})
    assert (found.metrics_token_file, found.log_format) == (file, "json")


@pytest.mark.parametrize(("text", "wrong"), [(None, "can't be read"), ("", "is empty"), ("canary7", "is too short")])
def test_a_token_file_that_can_not_be_meant_is_refused_without_its_text(
    tmp_path: Path, text: str | None, wrong: str
) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
    with pytest.raises(EnvironmentProblemError, match=rf"environment:1: METRICS_TOKEN_FILE: .*{wrong}") as caught:
        read_environment({"METRICS_TOKEN_FILE": str(file)})
    assert "canary7" not in str(caught.value)


def test_a_form_of_log_that_is_none_is_refused() -> None:
    with pytest.raises(EnvironmentProblemError, match="LOG_FORMAT: 'xml' is no form; write auto, json or line"):
        read_environment({"LOG_FORMAT": "xml"})
