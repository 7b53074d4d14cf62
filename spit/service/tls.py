"""TLS: the certificate that the service shows, and the authorities of the certificates that clients show."""

from __future__ import annotations

import ssl
from pathlib import Path

from spit.config import ServiceConfig
from spit.errors import ConfigError


def tls_context(service: ServiceConfig) -> ssl.SSLContext | None:
    """The server's context (TLS 1.2 or newer); None where no certificate is configured.

    With ``tls_client_ca`` a client without a certificate of that authority does not get a connection.
    Raises ConfigError: a file is missing, or certificate and key do not belong together.
    """
    if not service.tls_certificate:
        for name in ("tls_key", "tls_client_ca"):
            if getattr(service, name):
                raise ConfigError(f"service.{name}: expected service.tls_certificate with it, found none")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # No compression, no renegotiation that a client could ask for for ever.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    load_certificate(context, service)
    if service.tls_client_ca:
        try:
            context.load_verify_locations(service.tls_client_ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"service.tls_client_ca: {_words(service.tls_client_ca, error)}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def load_certificate(context: ssl.SSLContext, service: ServiceConfig) -> None:
    """Show this certificate from the next connection on. Raises ConfigError and changes nothing then."""
    if not service.tls_key:
        raise ConfigError("service.tls_key: expected the file of the certificate's private key, found none")
    for name, path in (("tls_certificate", service.tls_certificate), ("tls_key", service.tls_key)):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise ConfigError(f"service.{name}: {_words(path, error)}") from None
    # Tried on another context first: OpenSSL takes the certificate before it looks at the key.
    trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for one in (trial, context):
        try:
            # Without a terminal to ask, an encrypted key is an error instead of a prompt that nobody answers.
            one.load_cert_chain(service.tls_certificate, service.tls_key, password=lambda: b"")
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"service.tls_certificate: {_words(service.tls_certificate, error)} "
                f"(with the key {service.tls_key}, which must be its own and not encrypted)"
            ) from None


def _words(path: str, error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return f"cannot use {path}: {reason}"
