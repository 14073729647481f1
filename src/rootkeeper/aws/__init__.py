"""The gateway: the only product code that speaks to AWS."""

import sys

# botocore imports urllib3's own SSLContext from urllib3's adapter of pyOpenSSL, which loads pyOpenSSL and cryptography.
# Where the adapter can't be imported, botocore imports the same class from urllib3 itself.
sys.modules.setdefault("urllib3.contrib.pyopenssl", None)  # type: ignore[arg-type]  # None: can't be imported
