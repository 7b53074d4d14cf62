"""``spit serve`` as a program, with TLS, client certificates and keys: who may ask does, nobody else."""

from __future__ import annotations

import json
import re
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from spit.service.keyring import hash_key

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
KEY = "e2e-key-that-no-line-may-hold"
QUESTION = "/v1/score?caller=%2B12025550199&callee=%2B4930123456"
DEADLINE_S = 60


def openssl(arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], check=True, capture_output=True)


def certificates(folder: Path) -> None:
    """An authority, and a certificate of it for the service and for one client."""
    new = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    openssl(f"{new} -x509 -days 2 -subj /CN=ca -keyout {folder}/ca.key -out {folder}/ca.pem")
    for name in ("server", "client"):
        own = f"-addext subjectAltName=IP:127.0.0.1 -keyout {folder}/{name}.key -out {folder}/{name}.csr"
        openssl(f"{new} -subj /CN={name} {own}")
        signer = f"-CA {folder}/ca.pem -CAkey {folder}/ca.key -copy_extensions copy"
        openssl(f"x509 -req -days 2 {signer} -in {folder}/{name}.csr -out {folder}/{name}.pem")


def ask(port: int, path: str, context: ssl.SSLContext, key: str = "") -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S, context=context) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_only_known_clients_with_keys_are_answered_and_no_line_holds_a_key(tmp_path: Path) -> None:
    certificates(tmp_path)
    keys = tmp_path / "keys"
    keys.write_text(json.dumps({"name": "sbc", "scopes": ["score"], "hash": hash_key(KEY)}))
    config = tmp_path / "spit.toml"
    config.write_text(
        f"""
        [service]
        host = "0.0.0.0"
        port = 0
        allow_public = true
        keys_file = "{keys}"
        tls_certificate = "{tmp_path}/server.pem"
        tls_key = "{tmp_path}/server.key"
        tls_client_ca = "{tmp_path}/ca.pem"
        access_log = "all"
        log_format = "json"
        """
    )
    known = ssl.create_default_context(cafile=f"{tmp_path}/ca.pem")
    known.load_cert_chain(f"{tmp_path}/client.pem", f"{tmp_path}/client.key")
    stranger = ssl.create_default_context(cafile=f"{tmp_path}/ca.pem")

    command = [sys.executable, "-m", "spit", "serve", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stderr is not None
            said = ""
            while "startup complete" not in said:
                line = process.stderr.readline()
                assert line, f"it ended before it listened: {said}"
                said += line
            found = re.search(r"Listening on https://0\.0\.0\.0:(\d+)", said)
            assert found is not None
            port = int(found[1])
            assert ask(port, "/healthz", known) == 200
            assert ask(port, QUESTION, known) == 401
            assert ask(port, QUESTION, known, "another") == 401
            assert ask(port, "/v1/model", known, KEY) == 403
            assert ask(port, QUESTION, known, KEY) == 200
            with pytest.raises((urllib.error.URLError, OSError)):
                ask(port, QUESTION, stranger, KEY)
            process.send_signal(signal.SIGTERM)
            said += process.communicate(timeout=DEADLINE_S)[1]
        finally:
            process.kill()
    assert process.returncode == 0
    assert KEY not in said
    lines = [json.loads(line) for line in said.splitlines()]
    statuses = [line["status"] for line in lines if line["logger"] == "spit.access"]
    assert statuses == [200, 401, 401, 403, 200]
