"""The gateway: the only product code that speaks to AWS."""

import sys

# botocore takes urllib3's SSLContext by way of pyOpenSSL where that is installed. It takes the same class from urllib3
# itself without it, and without loading pyOpenSSL and cryptography.
sys.modules.setdefault("urllib3.contrib.pyopenssl", None)  # type: ignore[arg-type]  # None: can't be imported
