"""Secrets come by file or by a variable that no child and no /proc shows; what is wrong with one never repeats it."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inversion.app.secret import Secret, doubts
from inversion.app.sinks.webhook import WebhookSink

CANARY = "canary-4711"


def test_a_file_is_read_at_each_use(tmp_path):
    path = tmp_path / "password"
    path.write_text(f"{CANARY} \nmore\n")
    secret = Secret("password", path)
    assert secret.text() == CANARY
    path.write_text("another")
    assert secret.read() == b"another"


def test_a_variable_is_read(monkeypatch):
    monkeypatch.setenv("PLC_PASSWORD", f"{CANARY}\n")
    assert Secret("password", None, "PLC_PASSWORD").text() == CANARY
    assert not Secret("password").given


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        (Secret("password", None, "NOT_SET_ANYWHERE"), "variable NOT_SET_ANYWHERE is empty"),
        (Secret("secret", Path("/nowhere/secret")), "secret_file cannot be read: No such file or directory"),
        (Secret("password", Path(os.devnull)), "password_file is empty"),
    ],
)
def test_one_that_is_not_there_is_a_lost_connection(secret, told):
    with pytest.raises(ConnectionError, match=told):
        secret.read()


@pytest.mark.parametrize("variable", [f"{CANARY} ", "a=b", "1A", f"{CANARY}!"])
def test_a_secret_in_the_place_of_its_name_is_refused_and_not_repeated(variable):
    with pytest.raises(ValueError, match=r"^password_environment must be the name of a variable") as refused:
        Secret("password", None, variable)
    assert "canary" not in str(refused.value)


def test_two_places_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^url_environment and url_file: give one of them"):
        Secret("url", tmp_path, "URL")


def test_a_variable_signs(monkeypatch):
    monkeypatch.setenv("HOOK", CANARY)
    sink = WebhookSink("https://fan.example/hook", secret_environment="HOOK")
    object.__setattr__(sink, "clock", lambda: 5.0)
    wanted = hmac.new(CANARY.encode(), b"5.body", hashlib.sha256).hexdigest()
    assert sink._signature(b"body")["X-Inversion-Signature"] == f"sha256={wanted}"
    assert CANARY not in repr(sink)


def test_a_place_that_is_open_to_others_or_not_there_is_doubtful(tmp_path, monkeypatch):
    monkeypatch.setenv("THERE", CANARY)
    for name, mode in (("open", 0o644), ("closed", 0o640), ("changed", 0o602)):
        (tmp_path / name).write_text(CANARY)
        (tmp_path / name).chmod(mode)
    files = {"password_file": tmp_path / "open", "secret_file": tmp_path / "closed", "key": tmp_path / "changed"}
    variables = {"url_environment": "NOT_SET_ANYWHERE", "password_environment": "THERE", "secret_environment": ""}
    told = list(doubts("sink mqtt", {**files, "url_file": tmp_path / "none", **variables, "path": tmp_path / "open"}))
    assert told == [
        f"sink mqtt: password_file {tmp_path}/open can be read or changed by everybody here (mode 644)",
        f"sink mqtt: key {tmp_path}/changed can be read or changed by everybody here (mode 602)",
        f"sink mqtt: url_file {tmp_path}/none: No such file or directory",
        "sink mqtt: url_environment NOT_SET_ANYWHERE is not set here",
    ]


PROGRAM = """
import os, subprocess, sys
from pathlib import Path
from inversion.app.secret import Secret, forget_secrets, take_secrets
take_secrets(Path(sys.argv[1]))
secret = Secret("password", None, "PLC_PASSWORD")
assert secret.text() == "{canary}" and os.environ["OTHER"] == "kept"
child = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
own = Path("/proc/self/environ").read_text()
assert "OTHER=kept" in child and "OTHER=kept" in own
assert "canary" not in child + own and "PLC_PASSWORD=" not in child
forget_secrets()
try:
    secret.read()
except ConnectionError as problem:
    print(problem)
"""


@pytest.mark.parametrize(
    "line", ['password_environment = "PLC_PASSWORD"', "x = {'password_environment'='PLC_PASSWORD'}"]
)
def test_what_a_site_names_is_taken_out_of_the_environment_and_out_of_proc(tmp_path, line):
    site = tmp_path / "site.toml"
    site.write_text(f"[[sink]]\n{line}\n")
    environment = {**os.environ, "PLC_PASSWORD": CANARY, "OTHER": "kept"}
    command = [sys.executable, "-c", PROGRAM.format(canary=CANARY), str(site)]
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (told.stdout, told.returncode) == ("variable PLC_PASSWORD is empty\n", 0), told.stderr
