"""TLS as botocore has it, for requests that botocore doesn't carry itself, and whether it must carry them."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from botocore.httpsession import create_urllib3_context, get_cert_path
from botocore.session import Session
from botocore.utils import get_environ_proxies


def needs_botocore(url: str) -> bool:
    """Whether a proxy stands before ``url``: one for its scheme, from which ``NO_PROXY`` doesn't except its host."""
    return urlsplit(url).scheme in get_environ_proxies(url)


def create_tls_context(session: Session) -> ssl.SSLContext:
    """As botocore has it: its protocol versions and ciphers, the CA bundle of ``AWS_CA_BUNDLE`` or the profile, else
    certifi's; the certificate and the host's name are always checked.

    :raises OSError: if the CA bundle can't be read.
    """
    context: ssl.SSLContext = create_urllib3_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    bundle = Path(str(get_cert_path(session.get_config_variable("ca_bundle") or True)))
    if bundle.is_dir():
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context
