"""TLS and client certificates over real sockets, with certificates that openssl makes for the test."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from service_client import ENFORCE, FRIEND, NOW_US, SPAMMER, TableEngine, with_service

from spit.config import Config, ServiceConfig
from spit.errors import ConfigError
from spit.service.server import HttpService, listen
from spit.service.tls import tls_context

QUERY = {"caller": SPAMMER, "callee": FRIEND}


class Authority:
    """Makes certificates."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        folder.mkdir()
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2",
            f"-subj /CN={name} -keyout {self._key} -out {self.certificate}",
        )

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key for 127.0.0.1."""
        certificate, key, request = (self.folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes",
            f"-subj /CN={name} -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {request}",
        )
        openssl(
            f"x509 -req -days 2 -copy_extensions copy -CA {self.certificate} -CAkey {self._key}",
            f"-in {request} -out {certificate}",
        )
        return certificate, key


def openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    assert program is not None, "openssl is needed (tools/setup.sh)"
    subprocess.run([program, *" ".join(arguments).split()], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours", "ours")


@contextmanager
def serving(config: Config) -> Iterator[tuple[HttpService, str]]:
    config = with_service(config, port=0, score_budget_ms=60_000)
    listener = listen(config.service)
    port = listener.getsockname()[1]
    service = HttpService(TableEngine(config), config, listener, time_source=lambda: NOW_US)
    service.start()
    try:
        yield service, f"https://127.0.0.1:{port}"
    finally:
        assert service.stop(30)


def client(url: str, authority: Authority, certificate: tuple[Path, Path] | None = None) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return httpx.Client(base_url=url, verify=context)


def test_it_answers_over_tls_and_not_in_the_clear(authority: Authority) -> None:
    certificate, key = authority.issue("server")
    config = with_service(ENFORCE, tls_certificate=str(certificate), tls_key=str(key))
    with serving(config) as (_, url):
        with client(url, authority) as secure:
            assert secure.get("/v1/score", params=QUERY).json()["action"] == "reject"
        with pytest.raises(httpx.HTTPError), httpx.Client() as plain:
            plain.get(url.replace("https", "http") + "/healthz")


def test_only_clients_of_the_authority_get_a_connection(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("server")
    config = with_service(
        ENFORCE,
        tls_certificate=str(certificate),
        tls_key=str(key),
        tls_client_ca=str(authority.certificate),
    )
    stranger = Authority(tmp_path / "theirs", "theirs").issue("sbc")
    with serving(config) as (_, url):
        with client(url, authority, authority.issue("sbc")) as known:
            assert known.get("/healthz").status_code == 200
        for given in (None, stranger):
            with client(url, authority, given) as refused, pytest.raises(httpx.HTTPError):
                refused.get("/healthz")


def test_a_renewed_certificate_is_shown_from_the_next_connection_on(authority: Authority) -> None:
    certificate, key = authority.issue("server")
    service_config = with_service(Config(), tls_certificate=str(certificate), tls_key=str(key))

    def shown(url: str) -> str:
        host, _, port = url.removeprefix("https://").partition(":")
        return ssl.get_server_certificate((host, int(port)))

    with serving(service_config) as (service, url):
        before = shown(url)
        authority.issue("server")  # over the same files
        assert shown(url) == before
        service.renew_certificate(service_config.service)
        renewed = shown(url)
        assert renewed != before
        key.write_text("damaged")
        with pytest.raises(ConfigError, match=r"service\.tls_certificate: cannot use"):
            service.renew_certificate(service_config.service)
        assert shown(url) == renewed


def test_the_oldest_protocol_is_tls_1_2(authority: Authority) -> None:
    certificate, key = authority.issue("server")
    context = tls_context(ServiceConfig(tls_certificate=str(certificate), tls_key=str(key)))
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE


def test_mistakes_are_named(authority: Authority, tmp_path: Path) -> None:
    certificate, key = (str(path) for path in authority.issue("server"))
    _, other_key = (str(path) for path in authority.issue("other"))
    encrypted = str(tmp_path / "encrypted.key")
    openssl(f"ec -aes256 -passout pass:x -in {key} -out {encrypted}")
    damaged = tmp_path / "damaged.pem"
    damaged.write_text("no certificate")
    for given, words in (
        ({"tls_key": key}, "service.tls_key: expected service.tls_certificate with it"),
        ({"tls_client_ca": certificate}, "service.tls_client_ca: expected service.tls_certificate with it"),
        (
            {"tls_certificate": certificate},
            "service.tls_key: expected the file of the certificate's private key",
        ),
        (
            {"tls_certificate": "/nowhere", "tls_key": key},
            "service.tls_certificate: cannot use /nowhere: No such",
        ),
        (
            {"tls_certificate": certificate, "tls_key": "/nowhere"},
            "service.tls_key: cannot use /nowhere: No such",
        ),
        ({"tls_certificate": certificate, "tls_key": other_key}, "KEY_VALUES_MISMATCH"),
        ({"tls_certificate": str(damaged), "tls_key": key}, f"service.tls_certificate: cannot use {damaged}"),
        ({"tls_certificate": certificate, "tls_key": encrypted}, "must be its own and not encrypted"),
        (
            {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": str(damaged)},
            f"service.tls_client_ca: cannot use {damaged}",
        ),
    ):
        with pytest.raises(ConfigError) as raised:
            tls_context(with_service(Config(), **given).service)
        assert words in str(raised.value)
    assert tls_context(ServiceConfig()) is None
